/** The requests that make and change rooms, over HTTP, on rooms in memory and the other tables of a real Postgres. */

import type { TestContext } from 'node:test'
import type { ServerName } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { Requester } from '../../worker/http/requester.ts'
import { makeTransactions } from '../../worker/http/transactions.ts'
import { makeLogger } from '../../worker/logging/logger.ts'
import { makeRoomWriting, type RoomWritingDeps, type RoomWritingSettings } from '../../worker/room-writing.ts'
import { insertUser } from '../../worker/storage/users.ts'
import { requesterOf, serveTest, townsfolk } from './http-worker.ts'
import { makeMemoryRooms } from './memory-rooms.ts'
import type { TestPostgres } from './postgres.ts'

const plenty = { perSecond: 1000, burstCount: 1000 }
const settings: RoomWritingSettings = {
  serverName: 'example.org' as ServerName,
  defaultRoomVersion: '12',
  encryptionEnabledByDefaultForRoomType: 'off',
  defaultPowerLevelContentOverride: undefined,
  includeProfileDataOnInvite: true,
  allowPerRoomProfiles: true,
  forgetRoomsOnLeave: false,
  blockNonAdminInvites: false,
  rcMessage: plenty,
  rcAdminRedaction: undefined,
  rcRoomCreation: plenty,
  rcJoins: { local: plenty, remote: plenty },
  rcJoinsPerRoom: plenty,
  rcInvites: { perRoom: plenty, perUser: plenty, perIssuer: plenty },
}

export interface Options extends Partial<RoomWritingDeps> {
  readonly config?: RoomWritingSettings
  /** Of requesters, by name: alice, bob and carol have none. */
  readonly people?: Readonly<Record<string, Partial<Requester>>>
}

export type Answer = { readonly status: number } & JsonObject

export const changed = (more: Partial<RoomWritingSettings>): RoomWritingSettings => ({ ...settings, ...more })

/** `send('alice', 'POST', '/createRoom', {})`: status and body in one. */
export async function roomWriting(t: TestContext, postgres: TestPostgres, { people = {}, ...more }: Options = {}) {
  const db = await postgres.db(t)
  const rooms = makeMemoryRooms(settings.serverName)
  const pauses: number[] = []
  const writing = makeRoomWriting({
    config: settings,
    db,
    streams: { follow: () => undefined },
    caches: {
      transaction: (description, work) =>
        db.transaction('read committed', (tx) => work(tx, () => undefined), description),
      on: () => undefined,
    },
    ...rooms,
    isAdmin: (userId) => userId === '@admin:example.org',
    transactions: makeTransactions(() => performance.now()),
    log: makeLogger({ level: 'fatal', instance: 'test', destination: { write: () => undefined } }),
    pause: async () => {
      pauses.push(1)
    },
    ...more,
  })
  const names: Readonly<Record<string, Partial<Requester>>> = { alice: {}, bob: {}, carol: {}, admin: {}, ...people }
  for (const [name, { isGuest = false }] of Object.entries(names))
    await insertUser(db, { userId: requesterOf(name).userId, passwordHash: null, createdAtMs: 0, isGuest })
  const { port } = await serveTest(t, writing.operations, {
    maxBodyBytes: 1_000_000,
    requesters: {
      ...townsfolk,
      byAccessToken: (token) => (names[token] === undefined ? undefined : requesterOf(token, names[token])),
    },
  })
  const send = async (who: string, method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${port}/_matrix/client/v3${path}`, {
      method,
      headers: { Authorization: `Bearer ${who}` },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, ...((await response.json()) as JsonObject) }
  }
  return { ...rooms, ...writing, db, send, pauses }
}
