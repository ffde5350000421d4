/** A room is replaced by one of another version (client-server-api, "`POST …/rooms/{roomId}/upgrade`"). */

import type { EventId, RoomId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import { selectCurrentState } from '../../storage/current-state.ts'
import type { Queries } from '../../storage/db.ts'
import { selectBans } from '../../storage/memberships.ts'
import { moveAliases, moveDirectoryEntry, selectRoom } from '../../storage/rooms.ts'
import type { CacheInvalidation } from '../../streams/live-streams.ts'
import type { Aliases } from '../aliases.ts'
import { checkCanonicalAlias } from '../canonical-alias.ts'
import { checkContent } from '../check-content.ts'
import type { EventStore } from '../event-store.ts'
import type { Actor, RoomLimits } from '../limits.ts'
import type { Profiles } from '../member-content.ts'
import type { Memberships } from '../memberships.ts'
import { type NewRoomSettings, newRoomEvents } from '../new-room-events.ts'
import type { EventIntent, Sender } from '../sender.ts'
import {
  CANONICAL_ALIAS,
  carriedFilters,
  isCarried,
  POWER_LEVELS,
  replacementContent,
  splitCanonicalAlias,
} from './carried-over.ts'
import { integerLevels, levelsToMake, lockedLevels, withoutCreators } from './levels.ts'

export interface UpgradeRoomDeps {
  readonly serverName: ServerName
  readonly settings: NewRoomSettings
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly sender: Pick<Sender, 'send' | 'planRoom' | 'createRoom'>
  readonly events: Pick<EventStore, 'get'>
  readonly memberships: Pick<Memberships, 'joinedLocals'>
  readonly aliases: Pick<Aliases, 'mustPointTo'>
  readonly profiles: Profiles
  readonly limits: Pick<RoomLimits, 'creation'>
  /** What a member has of the old room in their account data and push rules, they have of the new one. */
  readonly carryOver: (userId: UserId, oldRoomId: RoomId, newRoomId: RoomId) => Promise<void>
  /** Before a shadow-banned user is answered. */
  readonly pause: () => Promise<void>
  /** Of what does not come over, when the rooms are replaced already. */
  readonly onProblem: (problem: string, error: unknown) => void
}

export interface Upgrade {
  readonly roomId: RoomId
  readonly version: RoomVersion
  /** From rooms/v12. User IDs. */
  readonly additionalCreators: readonly UserId[] | undefined
}

/**
 * Makes a room of that version with what the old one was like, and points from there to it. Until the old room's tombstone is
 * stored nobody is told of the new one; when it rejects before, the old room is as it was.
 *
 * The user's same request at the same time gets the same answer; another user's M_UNKNOWN (400). Throws M_NOT_FOUND,
 * M_FORBIDDEN, M_LIMIT_EXCEEDED, M_USER_SUSPENDED.
 */
export type UpgradeRoom = (actor: Actor, upgrade: Upgrade) => Promise<RoomId>

/** Bans of one send. */
const BANS_AT_ONCE = 50

/** The old room as it is when it is replaced. */
interface OldRoom {
  readonly roomId: RoomId
  readonly isPublic: boolean
  readonly create: JsonObject
  /** Events of {@link carriedFilters}, and the canonical alias. */
  readonly state: readonly EventIntent[]
}

export function makeUpgradeRoom(deps: UpgradeRoomDeps): UpgradeRoom {
  const { db, sender, serverName, onProblem } = deps
  /** One process makes all upgrades: main. */
  const underWay = new Map<RoomId, { readonly userId: UserId; readonly done: Promise<RoomId> }>()

  return async (actor, upgrade) => {
    const { roomId } = upgrade
    if (actor.isShadowBanned) {
      await deps.pause()
      // No server has made a room of such an ID.
      return fakeRoomId()
    }
    await deps.limits.creation(actor)
    const current = underWay.get(roomId)
    if (current?.userId === actor.userId) return current.done
    if (current !== undefined)
      throw new MatrixError('M_UNKNOWN', 'An upgrade for this room is currently in progress', {}, 400)
    const done = replace(actor, upgrade).finally(() => underWay.delete(roomId))
    underWay.set(roomId, { userId: actor.userId, done })
    return done
  }

  async function replace(actor: Actor, upgrade: Upgrade): Promise<RoomId> {
    if (actor.isSuspended)
      throw new MatrixError('M_USER_SUSPENDED', 'Sending messages while account is suspended is not allowed.')
    const { version, additionalCreators } = upgrade
    const old = await readOld(upgrade.roomId)
    const creators = version.creatorsAbovePowerLevels ? [actor.userId, ...(additionalCreators ?? [])] : []
    const contentOf = (tombstone: EventId | undefined): JsonObject =>
      replacementContent(
        old.roomId,
        old.create,
        version,
        tombstone,
        version.creatorsAbovePowerLevels ? additionalCreators : undefined,
      )
    const createOf = (tombstone: EventId | undefined): EventIntent => ({
      type: 'm.room.create',
      stateKey: '',
      content: { ...contentOf(tombstone), ...(version.creator === 'content' && { creator: actor.userId }) },
    })
    const plan = await sender.planRoom(version, createOf(undefined), actor)
    const { roomId } = plan
    const make = async (tombstone: EventId): Promise<void> => {
      const create = version.roomIdIsCreateHash ? plan.create : createOf(tombstone)
      const levels = levelsOf(old)
      const state = [
        ...old.state.filter(isCarried),
        ...(levels === undefined ? [] : [stateEvent(POWER_LEVELS, levelsToMake(levels, actor.userId, creators))]),
      ]
      const profiles = await deps.profiles([actor.userId])
      const rest = () => {
        const intents = newRoomEvents(
          deps.settings,
          { version, presetName: 'private_chat', alias: undefined, invited: [] },
          actor.userId,
          { initial_state: state.map(({ type, stateKey = '', content }) => ({ type, state_key: stateKey, content })) },
          profiles,
        )
        for (const intent of intents) checkContent(intent, { roomId, version, serverName })
        return intents
      }
      await sender.createRoom(version, create, rest, actor, { isPublic: old.isPublic, roomId })
      await banTheBanned(old.roomId, roomId, actor)
    }

    const tombstone = stateEvent('m.room.tombstone', {
      body: 'This room has been replaced',
      replacement_room: roomId,
    })
    await sender.send(old.roomId, [tombstone], actor, { beforeStored: ([eventId]) => make(eventId!) })
    await carryOver(old, roomId, actor, creators)
    return roomId
  }

  async function readOld(roomId: RoomId): Promise<OldRoom> {
    const room = await selectRoom(db, roomId)
    const [created] =
      room === undefined ? [] : await selectCurrentState(db, [roomId], [{ type: 'm.room.create', stateKey: '' }])
    const create = created && (await deps.events.get([created.eventId])).get(created.eventId)
    if (room === undefined || create === undefined) throw new MatrixError('M_NOT_FOUND', `Unknown room id ${roomId}`)
    const { content } = create.event
    const entries = await selectCurrentState(
      db,
      [roomId],
      [...carriedFilters(content), { type: CANONICAL_ALIAS, stateKey: '' }],
    )
    const found = await deps.events.get(entries.map(({ eventId }) => eventId))
    const state = entries.flatMap(({ type, stateKey, eventId }) => {
      const known = found.get(eventId)
      return known === undefined ? [] : [{ type, stateKey, content: known.event.content }]
    })
    return { roomId, isPublic: room.isPublic, create: content, state: inOrder(state, content) }
  }

  async function banTheBanned(oldRoomId: RoomId, roomId: RoomId, actor: Actor): Promise<void> {
    const ids = await selectBans(db, oldRoomId)
    for (let i = 0; i < ids.length; i += BANS_AT_ONCE) {
      const bans = [...(await deps.events.get(ids.slice(i, i + BANS_AT_ONCE))).values()]
      const intents = bans.map(({ event: { type, stateKey, content } }) => ({ type, stateKey, content }))
      if (intents.length > 0) await sender.send(roomId, intents, actor)
    }
  }

  /** The rooms are replaced: what fails now is told to the log, and the client has its new room. */
  async function carryOver(old: OldRoom, roomId: RoomId, actor: Actor, creators: readonly UserId[]): Promise<void> {
    const trying = async (what: string, work: () => Promise<unknown>) => {
      try {
        await work()
      } catch (error) {
        onProblem(`${what} of ${old.roomId}, which ${roomId} replaces`, error)
      }
    }
    await trying('aliases', () =>
      deps.caches.transaction('move_room', async (tx, stale) => {
        await moveAliases(tx, old.roomId, roomId)
        for (const id of [old.roomId, roomId]) stale('get_aliases_for_room', [id])
        await moveDirectoryEntry(tx, old.roomId, roomId)
      }),
    )
    const canonical = contentIn(old, CANONICAL_ALIAS)
    if (canonical !== undefined) {
      const split = splitCanonicalAlias(canonical, serverName)
      const set = async (id: RoomId, content: JsonObject, before: JsonObject | undefined) => {
        await checkCanonicalAlias(id, content, before, deps.aliases.mustPointTo)
        await sender.send(id, [stateEvent(CANONICAL_ALIAS, content)], actor)
      }
      await trying('canonical alias', () => set(old.roomId, split.old, canonical))
      await trying('canonical alias', () => set(roomId, split.replacement, undefined))
    }
    for (const userId of [...(await deps.memberships.joinedLocals(old.roomId))])
      await trying(`tags and push rules of ${userId}`, () => deps.carryOver(userId, old.roomId, roomId))
    const levels = levelsOf(old)
    if (levels === undefined) return
    const locked = lockedLevels(levels)
    if (locked !== undefined)
      await trying('power levels', () => sender.send(old.roomId, [stateEvent(POWER_LEVELS, locked)], actor))
    await trying('power levels', () =>
      sender.send(roomId, [stateEvent(POWER_LEVELS, withoutCreators(levels, creators))], actor),
    )
  }
}

const stateEvent = (type: string, content: JsonObject): EventIntent => ({ type, stateKey: '', content })
const contentIn = ({ state }: OldRoom, type: string): JsonObject | undefined =>
  state.find((event) => event.type === type)?.content
const levelsOf = (old: OldRoom) => {
  const content = contentIn(old, POWER_LEVELS)
  return content && integerLevels(content)
}

/** As the filters have them, and children of a space by their IDs: the tables have no order. */
function inOrder(state: readonly EventIntent[], create: JsonObject): readonly EventIntent[] {
  const places = new Map(carriedFilters(create).map(({ type }, index) => [type, index]))
  const placeOf = ({ type }: EventIntent) => places.get(type) ?? places.size
  const keyOf = ({ stateKey = '' }: EventIntent) => stateKey
  return state.toSorted((a, b) => placeOf(a) - placeOf(b) || (keyOf(a) < keyOf(b) ? -1 : 1))
}

const fakeRoomId = (): RoomId =>
  Array.from({ length: 18 }, () => LETTERS[Math.floor(Math.random() * 52)]).join('') as RoomId
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
