/** One process that keeps rooms and its users' data, on a test's database: over HTTP, and its parts at hand. */

import type { EventId, RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import { roomVersions } from '../../shared/matrix/room-version.ts'
import { readKeyFile } from '../../shared/matrix/signing/key-file.ts'
import type { ReplicationClient } from '../../worker/replication/http-client.ts'
import { makeErasedUsers } from '../../worker/rooms/erased-users.ts'
import { makeIgnoredUsers } from '../../worker/rooms/ignored-users.ts'
import { makeRoomStores, makeRoomWriting } from '../../worker/rooms/make-rooms.ts'
import { makeMemberships } from '../../worker/rooms/memberships.ts'
import { prejoinStateOf } from '../../worker/rooms/prejoin-state.ts'
import type { EventIntent } from '../../worker/rooms/sender.ts'
import { makeVisibility } from '../../worker/rooms/visibility.ts'
import { makeUserData, type UserData, type UserDataDeps } from '../../worker/services/user-data.ts'
import type { Db } from '../../worker/storage/db.ts'
import type { OpenStreams } from '../../worker/streams/make-live-streams.ts'
import { createIntent, roomIntents } from './room-process.ts'

export const serverName = 'hs.test' as ServerName
const keys = readKeyFile('ed25519 a_test AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8')
if (!keys.ok) throw new Error(keys.reason)
const signingKey = keys.value[0]!

export const userId = (localpart: string): UserId => `@${localpart}:${serverName}` as UserId

export interface UserDataProcess extends UserData {
  readonly createRoom: (creator: string, levels?: object) => Promise<RoomId>
  readonly send: (roomId: RoomId, sender: string, event: EventIntent) => Promise<EventId>
}

type T = { after(fn: () => Promise<void>): void }

export interface UserDataProcessOptions {
  readonly call?: ReplicationClient['call']
  readonly limits?: Partial<UserDataDeps['config']['pushRules']['limits']>
}

/** `streams` are not connected yet. */
export function makeUserDataProcess(
  t: T,
  db: Db,
  streams: OpenStreams,
  { call = nowhere, limits = {} }: UserDataProcessOptions = {},
): UserDataProcess {
  const rooms = makeRoomStores({ db, streams })
  const { caches } = streams
  const { events, states } = rooms
  const memberships = makeMemberships({ db, streams, caches, serverName })
  const userData = makeUserData({
    config: {
      serverName,
      instanceName: streams.instance,
      // Nobody does it by itself.
      duties: { backgroundTasks: 'nobody' } as UserDataDeps['config']['duties'],
      push: { enabled: true } as UserDataDeps['config']['push'],
      experimentalFeatures: {} as UserDataDeps['config']['experimentalFeatures'],
      pushRules: { limits: { ruleCount: 10_000, ruleIdLength: 300, ruleSize: 1024, ...limits } },
    },
    db,
    streams,
    caches,
    client: { call },
    events,
    memberships,
    visibility: makeVisibility({
      db,
      events,
      state: states,
      memberships,
      ignoredUsers: makeIgnoredUsers({ db, streams, caches }),
      erasedUsers: makeErasedUsers({ db, caches }),
    }),
    onProblem(problem, error) {
      throw new Error(problem, { cause: error })
    },
    now: Date.now,
  })
  t.after(userData.close)
  const { sender } = makeRoomWriting({
    ...rooms,
    db,
    streams,
    serverName,
    signingKey,
    client: { call },
    push: userData.push,
    prejoinState: prejoinStateOf({ disableDefaultEventTypes: false, additionalEventTypes: [] }),
  })
  return {
    ...userData,
    async createRoom(creator, levels = {}) {
      const id = userId(creator)
      const created = await sender.createRoom(
        roomVersions['11'],
        createIntent('11', id),
        () => [join(creator), ...roomIntents(id, levels).slice(1)],
        { userId: id },
        { isPublic: false },
      )
      return created.roomId
    },
    async send(roomId, from, event) {
      const [sent] = await sender.send(roomId, [event], { userId: userId(from) })
      return sent!.eventId
    },
  }
}

/** With the name that users have who never changed it. */
export const join = (localpart: string): EventIntent => ({
  type: 'm.room.member',
  stateKey: userId(localpart),
  content: { membership: 'join', displayname: localpart },
})

const nowhere: ReplicationClient['call'] = (name) => Promise.reject(new Error(`${name}: there is nobody else`))
