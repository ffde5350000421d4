/** Counts rooms and users as they change, in the process that runs background tasks: what the room directory is made of. */

import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import { type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { EventStore } from '../rooms/event-store.ts'
import { selectCurrentState } from '../storage/current-state.ts'
import type { Queries } from '../storage/db.ts'
import {
  countRooms,
  countRoomsOfUsers,
  type RoomStateRow,
  selectCountedUpTo,
  selectStatsPosition,
  selectUncountedRooms,
  updateStatsPosition,
  upsertRoomStates,
} from '../storage/room-stats.ts'
import { storableText } from './content.ts'
import { makeStateFollower, type StateChange, type StateFollower, type StateFollowerDeps } from './state-follower.ts'
import { plainTopic } from './topic.ts'

export interface RoomStatsDeps extends Pick<StateFollowerDeps, 'db' | 'streams' | 'onProblem'> {
  readonly serverName: ServerName
  readonly events: Pick<EventStore, 'get'>
}

/** Rooms of one statement. */
const MAX_ROOMS = 50

/** To be made before the process is connected: it follows the stream `events`. */
export function makeRoomStats(deps: RoomStatsDeps): StateFollower {
  const { db, serverName } = deps

  const renewStates = async (roomIds: readonly RoomId[]): Promise<void> => {
    for (const some of chunks(roomIds, MAX_ROOMS)) await upsertRoomStates(db, await readRoomStates(deps, some))
  }
  const renewCounts = async (roomIds: readonly RoomId[]): Promise<void> => {
    for (const some of chunks(roomIds, MAX_ROOMS)) await countRooms(db, some, serverName)
  }

  return makeStateFollower({
    ...deps,
    what: 'the room directory',
    loadPosition: () => selectStatsPosition(db),
    savePosition: (position) => updateStatsPosition(db, position),
    async prepare(signal) {
      for (let after = ''; !signal.aborted; ) {
        const roomIds = await selectUncountedRooms(db, after, MAX_ROOMS)
        if (roomIds.length === 0) return
        // Counted last: that it is says that nothing of the room is missing.
        await renewStates(roomIds)
        await renewCounts(roomIds)
        after = roomIds.at(-1)!
      }
    },
    async handle(changes, position) {
      const users = unique(
        changes.flatMap(({ type, stateKey }) =>
          type === 'm.room.member' &&
          stateKey !== undefined &&
          isUserId(stateKey) &&
          serverNameOf(stateKey) === serverName
            ? [stateKey as UserId]
            : [],
        ),
      )
      if (users.length > 0) await countRoomsOfUsers(db, users, position)
      await renewStates(
        unique(changes.flatMap(({ roomId, type }) => (type === undefined || shownTypes.has(type) ? [roomId] : []))),
      )
      const rooms = unique(changes.map(({ roomId }) => roomId))
      const counted = new Map((await selectCountedUpTo(db, rooms)).map((row) => [row.roomId, row.position]))
      const isLeft = ({ roomId, streamId }: StateChange): boolean => streamId > (counted.get(roomId) ?? -1)
      await renewCounts(unique(changes.filter(isLeft).map(({ roomId }) => roomId)))
    },
  })
}

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)]

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}

/** What the directory shows of a room's state, by type; the state keys are empty. */
const columns = {
  'm.room.name': (content) => ({ name: storableText(content.name) }),
  'm.room.topic': (content) => ({ topic: storableText(plainTopic(content)) }),
  'm.room.canonical_alias': (content) => ({ canonicalAlias: storableText(content.alias) }),
  'm.room.avatar': (content) => ({ avatar: storableText(content.url) }),
  'm.room.join_rules': (content) => ({ joinRules: storableText(content.join_rule) }),
  'm.room.history_visibility': (content) => ({ historyVisibility: storableText(content.history_visibility) }),
  'm.room.guest_access': (content) => ({ guestAccess: storableText(content.guest_access) }),
  'm.room.encryption': (content) => ({ encryption: storableText(content.algorithm) }),
  'm.room.create': (content) => ({
    roomType: storableText(content.type),
    isFederatable: content['m.federate'] === undefined || content['m.federate'] === true,
  }),
} as const satisfies Readonly<Record<string, (content: JsonObject) => Partial<RoomStateRow>>>
type ShownType = keyof typeof columns

const shownTypes: ReadonlySet<string> = new Set(Object.keys(columns))
const filters = [...shownTypes].map((type) => ({ type, stateKey: '' }))

async function readRoomStates(
  { db, events }: { readonly db: Queries; readonly events: Pick<EventStore, 'get'> },
  roomIds: readonly RoomId[],
): Promise<readonly RoomStateRow[]> {
  const entries = await selectCurrentState(db, roomIds, filters)
  const known = await events.get(entries.map(({ eventId }) => eventId))
  const byRoom = Map.groupBy(entries, ({ roomId }) => roomId)
  return [...byRoom].map(([roomId, found]) => {
    let row: RoomStateRow = { ...nothing, roomId }
    for (const { type, eventId } of found) {
      const content = known.get(eventId)?.event.content
      if (content !== undefined) row = { ...row, ...columns[type as ShownType](content) }
    }
    return row
  })
}

const nothing: Omit<RoomStateRow, 'roomId'> = {
  name: null,
  topic: null,
  canonicalAlias: null,
  avatar: null,
  joinRules: null,
  historyVisibility: null,
  guestAccess: null,
  encryption: null,
  roomType: null,
  isFederatable: true,
}
