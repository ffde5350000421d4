/** Server access control lists (client-server-api, "Server Access Control Lists (ACLs) for rooms"; `m.room.server_acl`). */

import { compileGlob, matchesWhole } from './glob.ts'
import { hostAndPort } from './ids/server-name.ts'
import type { ServerName } from './ids.ts'
import type { JsonObject, JsonValue } from './json/value.ts'

/** Whether a server may take part in a room with an `m.room.server_acl` of that content. Its port does not count. */
export function aclAllows(content: JsonObject, server: ServerName): boolean {
  const host = hostAndPort(server).host.toLowerCase()
  // "Defaults to true if missing or otherwise not a boolean."
  if (content.allow_ip_literals === false && isIpLiteral(host)) return false
  if (matchesAny(content.deny, host)) return false
  return matchesAny(content.allow, host)
}

const isIpLiteral = (host: string): boolean => host.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host)

const matchesAny = (globs: JsonValue | undefined, host: string): boolean =>
  Array.isArray(globs) &&
  globs.some((glob) => typeof glob === 'string' && matchesWhole(compileGlob(glob.toLowerCase()), host))
