/** The requests that make and change rooms, over HTTP, on a real Postgres. */

import type { TestContext } from 'node:test'
import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { Requester } from '../../worker/http/requester.ts'
import { makeTransactions } from '../../worker/http/transactions.ts'
import { makeMemberships } from '../../worker/rooms/memberships.ts'
import {
  makeRoomRequests,
  type RoomRequests,
  type RoomRequestsDeps,
  type RoomRequestsSettings,
} from '../../worker/services/room-writing.ts'
import { insertDevice } from '../../worker/storage/devices.ts'
import { insertUser } from '../../worker/storage/users.ts'
import { requesterOf, serveTest, townsfolk } from './http-worker.ts'
import type { TestPostgres } from './postgres.ts'
import { serverName, startRoomProcesses, user } from './room-process.ts'

const DEVICE = 'DEVICE'
const plenty = { perSecond: 1000, burstCount: 1000 }
const settings: RoomRequestsSettings = {
  serverName,
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
  rcThirdPartyInvite: plenty,
  rcReports: plenty,
  maxEventDelayDurationMs: 0,
  enable3pidLookup: true,
  ipRangeBlacklist: undefined,
  ipRangeWhitelist: [],
  federationIpRangeBlacklist: undefined,
  rcDelayedEventMgmt: plenty,
  rcInvites: { perRoom: plenty, perUser: plenty, perIssuer: plenty },
}

export interface Options extends Partial<RoomRequestsDeps> {
  readonly config?: RoomRequestsSettings
  /** Of requesters, by name: alice, bob and carol have none. */
  readonly people?: Readonly<Record<string, Partial<Requester>>>
}

export type Answer = { readonly status: number } & JsonObject

export const changed = (more: Partial<RoomRequestsSettings>): RoomRequestsSettings => ({ ...settings, ...more })

/** `send('alice', 'POST', '/createRoom', {})`: status and body in one. */
export async function roomRequests(t: TestContext, postgres: TestPostgres, { people = {}, ...more }: Options = {}) {
  const db = await postgres.db(t)
  const names: Readonly<Record<string, Partial<Requester>>> = { alice: {}, bob: {}, carol: {}, admin: {}, ...people }
  for (const [name, { isGuest = false }] of Object.entries(names)) {
    await insertUser(db, { userId: user(name), passwordHash: null, createdAtMs: 0, isGuest })
    await insertDevice(db, user(name), DEVICE, null)
  }

  let pauses = 0
  const made = Promise.withResolvers<RoomRequests>()
  const [process] = await startRoomProcesses(t, db, {
    onMade: ({ streams, sender, events, states: state }) =>
      made.resolve(
        makeRoomRequests({
          config: settings,
          maxDelayedEvents: 100,
          onDelayed: () => undefined,
          db,
          streams,
          caches: streams.caches,
          sender,
          events,
          state,
          memberships: makeMemberships({ db, streams, caches: streams.caches, serverName }),
          isAdmin: (userId) => userId === user('admin'),
          transactions: makeTransactions(() => performance.now()),
          newRooms: { checkAlias: () => undefined, mayPublish: () => true },
          onProblem: (problem, error) => {
            throw new Error(problem, { cause: error })
          },
          pause: async () => {
            pauses++
          },
          ...more,
        }),
      ),
  })
  const requests = await made.promise
  const requester = (name: string) =>
    requesterOf(name, { userId: user(name), deviceId: DEVICE, authenticatedEntity: user(name), ...names[name] })
  const { port } = await serveTest(t, requests.operations, {
    maxBodyBytes: 1_000_000,
    requesters: { ...townsfolk, byAccessToken: (token) => (names[token] === undefined ? undefined : requester(token)) },
  })

  return {
    ...process!,
    ...requests,
    db,
    pauses: () => pauses,
    async send(who: string, method: string, path: string, body?: unknown): Promise<Answer> {
      const response = await fetch(`http://127.0.0.1:${port}/_matrix/client/v3${path}`, {
        method,
        headers: { Authorization: `Bearer ${who}` },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      return { status: response.status, ...((await response.json()) as JsonObject) }
    },
    /** The room's events, first to last. */
    async eventsOf(roomId: RoomId): Promise<readonly RoomEvent[]> {
      const rows = await db.rows<{ id: EventId }>(
        'select event_id as id from events where room_id = $1 order by stream_ordering',
        [roomId],
      )
      const known = await process!.events.get(rows.map(({ id }) => id))
      return rows.map(({ id }) => known.get(id)!.event)
    },
    countRooms: async (): Promise<number> =>
      (await db.one<{ count: number }>('select count(*) as count from rooms'))!.count,
  }
}

/** As much of an event as tests compare. */
export const told = ({ type, stateKey, content }: RoomEvent) => [type, stateKey, content] as const
