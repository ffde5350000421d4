/** `listeners` and `worker_listeners`. */

import { type Address, isLoopback } from '../config/address.ts'
import { object, optional, required, type Type, withDefault } from '../config/decode.ts'
import { anything, filledText, flag, listOf, numbered, text, whole, word } from './types.ts'

export const RESOURCES = [
  'client',
  'consent',
  'federation',
  'health',
  'keys',
  'media',
  'metrics',
  'openid',
  'replication',
  'static',
] as const
export type Resource = (typeof RESOURCES)[number]

export const resourceObject = object(
  {
    names: withDefault(
      listOf(word(...RESOURCES), 'a list of resources'),
      '[]',
      'What is served: `client`, `federation` (with `keys`, `openid`, media), `keys`, `media`, `openid`, `health`, `metrics`, `replication`, `static`, `consent`. `health` always is.',
      '[client, federation]',
    ),
    compress: withDefault(flag, 'false', 'Whether answers may be compressed.', 'true'),
  },
  'a map with names',
)

export const listenerObject = object(
  {
    type: required(
      word('http', 'metrics', 'manhole'),
      '`http`; `metrics` for Prometheus alone. `manhole` opens a Python shell and is passed over.',
      'http',
    ),
    port: optional(whole('a port', 0, 65535), 'a Unix socket', 'The TCP port.', '8008'),
    path: optional(
      filledText('a path'),
      'TCP',
      'The path of a Unix socket, in place of a port.',
      '/run/synapse/main.sock',
    ),
    mode: withDefault(
      whole('a number such as 0666', 0, 0o7777),
      '438',
      'Permissions of the Unix socket; 438 is 0666. In YAML 1.1 an octal number begins with 0: `0o666` is a text, and refused.',
      '0660',
    ),
    bind_addresses: withDefault(
      listOf(filledText('an address'), 'a list of addresses'),
      '[]',
      'Addresses to listen on. None: all of the machine, `::` and `0.0.0.0`.',
      "['::1', 127.0.0.1]",
    ),
    bind_address: optional(text('an address'), 'none', 'One more address.', '127.0.0.1'),
    tls: withDefault(
      flag,
      'false',
      'Whether it speaks TLS, with `tls_certificate_path` and `tls_private_key_path`.',
      'true',
    ),
    x_forwarded: optional(
      flag,
      'false on TCP, true on a Unix socket',
      'Whether `X-Forwarded-For` and `X-Forwarded-Proto` are believed.',
      'true',
    ),
    resources: withDefault(
      listOf(resourceObject, 'a list of maps with names'),
      '[]',
      'What is served here; see below.',
      '[{names: [client, federation]}]',
    ),
    additional_resources: optional(
      anything('a map'),
      'none',
      'Python classes of your own by path: passed over with a warning.',
      '{/hello: {module: hello.Hello}}',
    ),
    request_id_header: optional(
      filledText('the name of a header'),
      'ids of its own',
      'The header that has a request’s ID, for the log.',
      'X-Request-ID',
    ),
    tag: optional(filledText('a word'), 'the port', 'What the log calls the listener.', 'public'),
  },
  'a map with type and port or path',
)

interface ListenerCommon {
  readonly type: 'http' | 'metrics' | 'manhole'
  readonly resources: readonly { readonly names: readonly Resource[]; readonly compress: boolean }[]
  readonly xForwarded: boolean
  readonly requestIdHeader: string | undefined
  /** The port, `unix`, or what `tag` says. */
  readonly tag: string
  /** Are there `additional_resources`? */
  readonly additionalResources: boolean
}

/** A listener of a process of Synapse. `bindAddresses` is never empty. */
export type Listener =
  | (ListenerCommon & {
      readonly kind: 'tcp'
      readonly port: number
      readonly bindAddresses: readonly string[]
      readonly tls: boolean
    })
  | (ListenerCommon & { readonly kind: 'unix'; readonly path: string; readonly mode: number })

/** Reads one entry of `listeners`, with Synapse's defaults. */
const listenerType: Type<Listener> = {
  expected: listenerObject.expected,
  read: (node, path, reading) => {
    const raw = listenerObject.read(node, path, reading)
    if (!raw) return undefined
    const refuse = (message: string): undefined => {
      reading.problem(path, message, node && { node })
      return undefined
    }
    const common: Omit<ListenerCommon, 'tag' | 'xForwarded'> = {
      type: raw.type,
      resources: raw.resources,
      requestIdHeader: raw.request_id_header,
      additionalResources: raw.additional_resources !== undefined,
    }
    if (raw.path !== undefined) {
      if (raw.port !== undefined) return refuse('has a port and a path: a listener is one or the other')
      if (raw.tls) return refuse('a Unix socket has no TLS')
      return {
        ...common,
        kind: 'unix',
        path: raw.path,
        mode: raw.mode,
        xForwarded: raw.x_forwarded ?? true,
        tag: raw.tag ?? 'unix',
      }
    }
    // What is wrong with the value of a port was told where it is written.
    if (raw.port === undefined) return reading.has(`${path}.port`) ? undefined : refuse('has neither a port nor a path')
    const bound = [...raw.bind_addresses, ...(raw.bind_address ? [raw.bind_address] : [])]
    return {
      ...common,
      kind: 'tcp',
      port: raw.port,
      bindAddresses: bound.length > 0 ? bound : raw.type === 'metrics' ? ['0.0.0.0'] : ['::', '0.0.0.0'],
      tls: raw.tls,
      xForwarded: raw.x_forwarded ?? false,
      tag: raw.tag ?? String(raw.port),
    }
  },
}

/** With positions: what is wrong with one is told with its place, whatever is wrong with those before it. */
export const listenersType = numbered(listenerType, 'a list of listeners')

/** Does it serve `resource`? */
export const serves = (listener: Listener, resource: Resource): boolean =>
  listener.type === 'metrics'
    ? resource === 'metrics'
    : listener.resources.some(({ names }) => names.includes(resource))

/** Every address it listens on. */
export const addressesOf = (listener: Listener): readonly Address[] =>
  listener.kind === 'unix'
    ? [{ kind: 'unix', path: listener.path }]
    : listener.bindAddresses.map((host) => ({ kind: 'tcp', host, port: listener.port }))

/** Is every address it listens on this machine's own? */
export const isLocal = (listener: Listener): boolean =>
  listener.kind === 'unix' || listener.bindAddresses.every(isLoopback)
