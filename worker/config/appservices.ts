/** `app_service_config_files`: registrations of application services (Application Service API, "Registration"). */

import { resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { isAddressRange } from '../../shared/address-ranges.ts'
import { readText } from '../../shared/config/text-file.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { patternOf } from './python-patterns.ts'
import type { Telling } from './telling.ts'

export interface AppserviceNamespace {
  /** What begins an ID that is in it. */
  readonly pattern: RegExp
  /** Nobody else may have such IDs. */
  readonly exclusive: boolean
}

export interface AppserviceConfig {
  readonly id: string
  /** Proves that it is the application service. */
  readonly asToken: string
  /** Proves to it that this is its homeserver. */
  readonly hsToken: string
  /** Without a slash at its end. Undefined: it gets nothing. */
  readonly url: string | undefined
  /** The user that it acts as when it names none. */
  readonly sender: UserId
  readonly namespaces: {
    readonly users: readonly AppserviceNamespace[]
    readonly aliases: readonly AppserviceNamespace[]
    readonly rooms: readonly AppserviceNamespace[]
  }
  /** Third-party networks that it serves. */
  readonly protocols: readonly string[]
  /** Whether `rc_*` hold for it and its users. */
  readonly isRateLimited: boolean
  /** Its requests come from these addresses alone, as CIDRs. Empty: from anywhere. */
  readonly ipRangeWhitelist: readonly string[]
  /** Wants typing, receipts, presence and to-device messages; under the unstable name where `unstable`. */
  readonly ephemeral: 'stable' | 'unstable' | undefined
  /** MSC3202: transactions tell of one-time keys and device lists. */
  readonly tellsOfDevices: boolean
  /** MSC4190: it makes and removes devices of its users itself, and does not log in. */
  readonly managesDevices: boolean
}

/** Those of `files` that are sound; what is wrong with the others is told at `app_service_config_files`. */
export function appservicesOf(
  files: readonly string[],
  serverName: string | undefined,
  { error, warn }: Telling,
): readonly AppserviceConfig[] {
  const found: { readonly file: string; readonly appservice: AppserviceConfig }[] = []
  files.forEach((file, i) => {
    const at = `app_service_config_files[${i}]`
    const mistakes: string[] = []
    const appservice = readRegistration(file, serverName, mistakes, (hint) => warn(at, `${file}: ${hint}`))
    for (const mistake of mistakes) error(at, `${file}: ${mistake}`)
    if (appservice === undefined || mistakes.length > 0) return
    for (const { file: other, appservice: twin } of found) {
      if (twin.id === appservice.id) error(at, `${file}: id ${twin.id} is also the id in ${other}`)
      if (twin.asToken === appservice.asToken) error(at, `${file}: the as_token is also the one in ${other}`)
    }
    found.push({ file, appservice })
  })
  return found.map(({ appservice }) => appservice)
}

type Fields = Readonly<Record<string, unknown>>
const isMap = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

function readRegistration(
  file: string,
  serverName: string | undefined,
  mistakes: string[],
  hint: (message: string) => void,
): AppserviceConfig | undefined {
  const source = readText(resolve(file))
  if ('mistake' in source) {
    mistakes.push(source.mistake)
    return undefined
  }
  const document = parseDocument(source.text, { version: '1.1' })
  const fields: unknown = document.errors.length === 0 ? document.toJS({ maxAliasCount: 100 }) : undefined
  if (!isMap(fields)) {
    mistakes.push(document.errors[0]?.message.split('\n')[0] ?? 'is no map')
    return undefined
  }
  const text = (name: string): string => {
    const value = fields[name]
    if (typeof value === 'string' && value !== '') return value
    mistakes.push(`${name}: must be text${value === undefined ? ', and is missing' : ''}`)
    return ''
  }
  const flag = (name: string): boolean => {
    const value = fields[name] ?? false
    if (typeof value !== 'boolean') mistakes.push(`${name}: must be true or false`)
    return value === true
  }
  const texts = (name: string): readonly string[] => {
    const value = fields[name] ?? []
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    mistakes.push(`${name}: must be a list of texts`)
    return []
  }

  const id = text('id')
  if (id.includes('|')) mistakes.push("id: must not have a '|'")
  const localpart = text('sender_localpart')
  if (!/^[\w.~/-]*$/.test(localpart))
    mistakes.push('sender_localpart: has characters that would have to be encoded in a URL')
  const { url } = fields
  if (url !== null && typeof url !== 'string') mistakes.push('url: must be text, or null where nothing is to be sent')
  if (!isMap(fields.namespaces)) mistakes.push('namespaces: must be a map')
  const namespaces = isMap(fields.namespaces) ? fields.namespaces : {}
  const ranges = texts('ip_range_whitelist')
  for (const range of ranges)
    if (!isAddressRange(range)) mistakes.push(`ip_range_whitelist: ${range} is no address and no CIDR`)
  if (fields['io.element.msc4512.proxy_prefix'] !== undefined)
    hint('io.element.msc4512.proxy_prefix: not supported yet: no endpoints are handed on to application services')

  return {
    id,
    asToken: text('as_token'),
    hsToken: text('hs_token'),
    url: typeof url === 'string' ? url.replace(/\/+$/, '') : undefined,
    sender: `@${localpart}:${serverName}` as UserId,
    namespaces: {
      users: namespacesOf('users', namespaces, mistakes),
      aliases: namespacesOf('aliases', namespaces, mistakes),
      rooms: namespacesOf('rooms', namespaces, mistakes),
    },
    protocols: texts('protocols'),
    // As Synapse has it: anything but false is true.
    isRateLimited: fields.rate_limited !== false,
    ipRangeWhitelist: ranges,
    ephemeral:
      fields.receive_ephemeral === true
        ? 'stable'
        : fields['de.sorunome.msc2409.push_ephemeral'] === true
          ? 'unstable'
          : undefined,
    tellsOfDevices: flag('org.matrix.msc3202'),
    managesDevices: flag('io.element.msc4190'),
  }
}

function namespacesOf(name: string, all: Fields, mistakes: string[]): readonly AppserviceNamespace[] {
  const list = all[name] ?? []
  if (!Array.isArray(list)) {
    mistakes.push(`namespaces.${name}: must be a list`)
    return []
  }
  return list.flatMap((entry: unknown, i) => {
    const at = `namespaces.${name}[${i}]`
    if (!isMap(entry) || typeof entry.regex !== 'string' || typeof entry.exclusive !== 'boolean') {
      mistakes.push(`${at}: must have a text regex, and exclusive, which is true or false`)
      return []
    }
    const pattern = patternOf(entry.regex)
    if (pattern instanceof RegExp) return [{ pattern, exclusive: entry.exclusive }]
    mistakes.push(`${at}.regex: ${pattern.mistake}`)
    return []
  })
}
