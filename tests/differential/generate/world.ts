/** Who takes part in generated rooms: a few servers with a key each, and their users. */

import { createHash } from 'node:crypto'
import type { KeyId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import { readSigningKey, type SigningKey } from '../../../shared/matrix/signing/ed25519.ts'

export interface World {
  readonly servers: readonly ServerName[]
  readonly users: readonly UserId[]
  readonly keys: ReadonlyMap<ServerName, SigningKey>
  /** Seeds of {@link keys}, in base64. */
  readonly seeds: Readonly<Record<string, string>>
  /** Of an identity server, that signs third-party invites; `public` in base64 as such invites have it. */
  readonly identity: { readonly key: SigningKey; readonly other: SigningKey }
}

/** A port, an IPv6 address, a capital: what server names may hold and careless parsers trip over. */
const servers = ['a.test', 'b.test:8448', '[2001:db8::1]', 'D.test'] as ServerName[]
const localparts = ['alice', 'bob', 'carol']

const seedOf = (name: string): string => createHash('sha256').update(name).digest('base64').replace('=', '')

function keyOf(name: string, keyId: string): SigningKey {
  const key = readSigningKey(keyId as KeyId, seedOf(name))
  if (!key.ok) throw new Error(key.reason)
  return key.value
}

export const world: World = {
  servers,
  users: servers.flatMap((server) => localparts.map((localpart) => `@${localpart}:${server}` as UserId)),
  keys: new Map(servers.map((server) => [server, keyOf(server, 'ed25519:1')])),
  seeds: Object.fromEntries(servers.map((server) => [server, seedOf(server)])),
  identity: { key: keyOf('id.test', 'ed25519:0'), other: keyOf('other.id.test', 'ed25519:0') },
}

/** The server of a user ID that was made here. */
export const serverOf = (userId: string): ServerName => userId.slice(userId.indexOf(':') + 1) as ServerName
