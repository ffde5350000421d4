/**
 * HAProxy with the documented table as one ordered regex map (as the Element Server Suite ships it), and as a layer-4
 * relay. Buffers of 64 KiB halve what a MiB of media costs it (splicing added nothing to that).
 */

import type { Setup } from '../contestants.ts'
import { DOCUMENTED, GROUPS, type HashKey } from './table.ts'

const global = (log: boolean): string => `
global
  nbthread 1
  tune.bufsize 65536
  ${log ? 'log stdout format raw daemon' : ''}

defaults
  backlog 4096
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  ${log ? 'log global' : ''}
`

const USER_KEY = `
  http-request set-var(txn.key) req.hdr(authorization),field(2,_) if { req.hdr(authorization) -m beg "Bearer syt_" }
  http-request set-var(txn.key) req.hdr(authorization) if !{ var(txn.key) -m found } { req.hdr(authorization) -m found }
  http-request set-var(txn.key) url_param(access_token),field(2,_) if !{ var(txn.key) -m found }`

/** The segment after `rooms`, `join` or `knock`, decoded. */
const ROOM_KEY = `
  http-request set-var(txn.key) path,field(6,/),url_dec unless { path_beg /_matrix/client/api/ }
  http-request set-var(txn.key) path,field(7,/),url_dec if { path_beg /_matrix/client/api/ }`

const BALANCE: Record<HashKey, string> = {
  user: `${USER_KEY}\n  hash-type consistent\n  balance hash var(txn.key)`,
  room: `${ROOM_KEY}\n  hash-type consistent\n  balance hash var(txn.key)`,
  source_ip: '\n  hash-type consistent\n  balance source',
}

/** The file that {@link haproxyConf} looks paths up in: first match wins. */
export const haproxyMap = (): string =>
  DOCUMENTED.map(([regex, group]) => `${regex} ${group.replace(' ', '_')}\n`).join('')

export const haproxyConf = ({ port, upstreams, log }: Setup, mapFile: string): string => `${global(log)}
  mode http
  timeout http-keep-alive 75s
  http-reuse always
  ${log ? 'option httplog' : ''}

frontend clients
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-var(txn.group) path,map_reg(${mapFile},main)
  use_backend initial_sync if { var(txn.group) -m str by_since } !{ url_param(since) -m found }
  use_backend sync if { var(txn.group) -m str by_since }
  use_backend %[var(txn.group)]
${GROUPS.map(
  (group) => `
backend ${group.name}${group.hash ? BALANCE[group.hash] : '\n  balance roundrobin'}
${upstreams[group.name]!.map((worker, i) => `  server ${group.name}${i} 127.0.0.1:${worker}`).join('\n')}
`,
).join('')}`

/** No HTTP at all: what two sockets and a copy cost. Everything goes to main. */
export const haproxyRelayConf = ({ port, upstreams, log }: Setup): string => `${global(log)}
  mode tcp
  ${log ? 'option tcplog' : ''}

listen relay
  bind 127.0.0.1:${port}
  server main 127.0.0.1:${upstreams.main![0]}
`
