/** The rooms of a space, and of the spaces in it (client-server-api, "Spaces", "`GET …/rooms/{roomId}/hierarchy`"). */

import { randomBytes } from 'node:crypto'
import { isRoomId } from '../../shared/matrix/ids/room-id.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Queries } from '../storage/db.ts'
import { insertSession, selectSession } from '../storage/pagination-sessions.ts'
import { isSuggested, type RoomEntries, type RoomEntry, strippedChild } from './room-entries.ts'

export interface HierarchyRequest {
  readonly roomId: RoomId
  readonly suggestedOnly: boolean
  /** Undefined: however deep it is. 0: the room alone. */
  readonly maxDepth: number | undefined
  /** At most 50, and that where absent. */
  readonly limit: number | undefined
  /** `next_batch` of another page. */
  readonly from: string | undefined
}

/**
 * A page, from the top down, each room once. Rooms of which nobody here is are left out, as no other server is asked; so are those
 * that the user may not know of.
 *
 * Throws M_FORBIDDEN for a room that the user may not know of, M_INVALID_PARAM for a token that is none, has expired, or belongs to
 * another request.
 */
export type Hierarchy = (userId: UserId, request: HierarchyRequest) => Promise<JsonObject>

export interface HierarchyDeps {
  readonly db: Queries
  readonly entries: RoomEntries
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A room that is to be looked at. As Synapse keeps it: `remote`, what another server told of it, is never there. */
type Place = readonly [roomId: RoomId, via: JsonValue, depth: number, remote: null]

interface Session {
  readonly requester: string
  readonly room_id: string
  readonly suggested_only: boolean
  readonly max_depth: number | null
  readonly omit_remote_room_hierarchy: boolean
  readonly admin_skip_room_visibility_check: boolean
  /** The last is the next. */
  readonly room_queue: readonly Place[]
  readonly processed_rooms: readonly RoomId[]
}

const SESSION_TYPE = 'room_hierarchy_pagination'
const SESSION_MS = 5 * 60_000
const MAX_ROOMS = 50
/** So many rooms wait at most: what comes after them is not shown. */
const MAX_WAITING = 10_000

export function makeHierarchy({ db, entries, now }: HierarchyDeps): Hierarchy {
  const unknownToken = () => new MatrixError('M_INVALID_PARAM', 'Unknown pagination token', {}, 400)

  async function resume(text: string, expected: Omit<Session, 'room_queue' | 'processed_rooms'>): Promise<Session> {
    if (text.includes('\0')) throw unknownToken()
    const value = await selectSession(db, SESSION_TYPE, text, now())
    if (value === undefined) throw unknownToken()
    const session = JSON.parse(value) as Session
    const isSame = (Object.keys(expected) as (keyof typeof expected)[]).every((key) => session[key] === expected[key])
    if (!isSame) throw unknownToken()
    return session
  }

  return async (userId, { roomId, suggestedOnly, maxDepth, limit = MAX_ROOMS, from }) => {
    const root = (await entries.read([roomId])).get(roomId)
    if (root === undefined || !(await entries.isAccessible(userId, root)))
      throw new MatrixError('M_FORBIDDEN', `User ${userId} not in room ${roomId}, and room previews are disabled`)

    const asked = {
      requester: userId,
      room_id: roomId,
      suggested_only: suggestedOnly,
      max_depth: maxDepth ?? null,
      omit_remote_room_hierarchy: false,
      admin_skip_room_visibility_check: false,
    }
    const session = from === undefined || from === '' ? undefined : await resume(from, asked)
    const waiting: Place[] = session === undefined ? [[roomId, [], 0, null]] : [...session.room_queue]
    const done = new Set<RoomId>(session?.processed_rooms)
    const rooms: JsonObject[] = []
    const most = Math.min(limit, MAX_ROOMS)
    let known: ReadonlyMap<RoomId, RoomEntry> = new Map()
    let read = new Set<RoomId>()

    while (waiting.length > 0 && rooms.length < most) {
      const [next, , depth] = waiting.pop()!
      if (done.has(next)) continue
      done.add(next)
      if (!read.has(next)) {
        // With those that will be asked for after it.
        read = new Set([next, ...upcoming(waiting, done, most - rooms.length - 1)])
        known = await entries.read([...read], { withChildren: true })
      }
      const entry = known.get(next)
      if (entry === undefined || !(await entries.isAccessible(userId, entry))) continue
      const children = suggestedOnly ? entry.children.filter(isSuggested) : entry.children
      rooms.push({ ...entry.summary, children_state: children.map(strippedChild) })
      if (maxDepth !== undefined && depth >= maxDepth) continue
      for (const { event } of children.toReversed())
        if (isRoomId(event.stateKey!)) waiting.push([event.stateKey, event.content.via!, depth + 1, null])
      waiting.splice(0, Math.max(0, waiting.length - MAX_WAITING))
    }

    if (waiting.length === 0) return { rooms }
    const id = randomBytes(18).toString('base64url')
    const value: Session = { ...asked, room_queue: waiting, processed_rooms: [...done] }
    await insertSession(db, SESSION_TYPE, id, JSON.stringify(value), now() + SESSION_MS)
    return { rooms, next_batch: id }
  }
}

/** The rooms that come next if those before them have no children. */
function upcoming(waiting: readonly Place[], done: ReadonlySet<RoomId>, count: number): readonly RoomId[] {
  const found = new Set<RoomId>()
  for (let i = waiting.length - 1; i >= 0 && found.size < count; i--) {
    const [roomId] = waiting[i]!
    if (!done.has(roomId)) found.add(roomId)
  }
  return [...found]
}
