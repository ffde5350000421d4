/** `instance_map`: where the HTTP replication of a process is. */

import type { Address } from '../config/address.ts'
import { object, optional, record, type Type, withDefault } from '../config/decode.ts'
import { filledText, flag, whole } from './types.ts'

/** Where other processes reach one over HTTP. */
export type InstanceLocation =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'unix'; readonly path: string }

export const locationObject = object(
  {
    host: optional(
      filledText('a host name or address'),
      'a Unix socket',
      'Where the process listens for replication.',
      'localhost',
    ),
    port: optional(whole('a port', 1, 65535), 'a Unix socket', 'The port of its `replication` listener.', '9093'),
    tls: withDefault(flag, 'false', 'Whether that listener speaks TLS.', 'true'),
    path: optional(
      filledText('a path'),
      'TCP',
      'The Unix socket of its `replication` listener, in place of host and port.',
      '/run/synapse/main.repl.sock',
    ),
  },
  'a map with host and port, or path',
)

const locationType: Type<InstanceLocation> = {
  expected: locationObject.expected,
  read: (node, path, reading) => {
    const raw = locationObject.read(node, path, reading)
    if (!raw) return undefined
    const { host, port, tls } = raw
    if (host !== undefined && port !== undefined) return { kind: 'tcp', host, port, tls }
    if (raw.path !== undefined) return { kind: 'unix', path: raw.path }
    if (!['host', 'port', 'path'].every((key) => reading.has(`${path}.${key}`)))
      reading.problem(path, 'expected host and port, or path', node && { node })
    return undefined
  },
}

/** Names as they are written: the main process is `main` here, and `master` everywhere else. */
export const instanceMapType: Type<ReadonlyMap<string, InstanceLocation | undefined>> = record(
  (name) => ({ value: name }),
  locationType,
  'a map of processes',
)

export const locationAddress = (location: InstanceLocation): Address =>
  location.kind === 'unix' ? location : { kind: 'tcp', host: location.host, port: location.port }
