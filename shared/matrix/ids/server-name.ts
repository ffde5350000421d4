import type { ServerName } from '../ids.ts'
import { accepted, type Result, refused } from '../result.ts'
import { isIpv6 } from './ipv6.ts'

const HOST_AND_PORT = /^(?<host>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*|\[(?<ipv6>[^\]]*)\])(?::(?<port>[0-9]{1,5}))?$/
const MAX_HOST_LENGTH = 255

/**
 * Appendices, "Server Name": a DNS name, IPv4 address or IPv6 address in brackets, and perhaps a port of up to five digits.
 * Labels of a name are not empty, as Synapse has it too. Case matters: nothing is normalised.
 */
export const isServerName = (text: string): text is ServerName => split(text) !== undefined

/** {@link isServerName}, as a result. */
export const parseServerName = (text: string): Result<ServerName> =>
  isServerName(text) ? accepted(text) : refused('not a server name')

/** The parts of a server name. An IPv6 address keeps its brackets; a port may be more than 65,535, at which nobody listens. */
export function hostAndPort(serverName: ServerName): { readonly host: string; readonly port: number | undefined } {
  const { host, port } = split(serverName)!
  return { host: host!, port: port === undefined ? undefined : Number(port) }
}

function split(text: string): Readonly<Record<string, string | undefined>> | undefined {
  const groups = HOST_AND_PORT.exec(text)?.groups as Record<string, string | undefined> | undefined
  if (groups === undefined || groups.host!.length > MAX_HOST_LENGTH) return undefined
  return groups.ipv6 === undefined || isIpv6(groups.ipv6) ? groups : undefined
}
