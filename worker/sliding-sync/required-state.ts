/**
 * Which state a client is to be sent where it knows a room already, and asks for other state than last time. A connection
 * remembers what it was sent, also what it does not ask for any more, until that changes without the client being told.
 */

import { isSameRequiredState, isSameSet, LAZY, ME, type RequiredState, WILDCARD } from './room-config.ts'
import { EVERYTHING, NOTHING, type WantedState, wantedState } from './wanted-state.ts'

const MEMBER = 'm.room.member'
/** Keys of a type that are remembered beyond those that are asked for. */
const MAX_REMEMBERED = 100

export interface RequiredStateAsked {
  readonly userId: string
  /** What the connection remembers. */
  readonly previous: RequiredState
  readonly requested: RequiredState
  /** Users whose membership the client was sent, among those that matter now, where members are loaded lazily. */
  readonly lazySent: ReadonlySet<string>
  /** Users whose membership the timeline needs. */
  readonly lazyNeeded: ReadonlySet<string>
  /** Entries of the state that changed since the client was told of the room. */
  readonly changed: Iterable<readonly [type: string, key: string]>
}

export interface RequiredStateChange {
  /** What is to be remembered from now on; undefined: what was. */
  readonly remembered: RequiredState | undefined
  /** Of the current state, what the client has to be sent besides what changed. */
  readonly added: WantedState
  /** Users who were sent by name, and count as lazily sent from now on. */
  readonly alsoSent: ReadonlySet<string>
  /** Users whose membership changed, and the client is not told. */
  readonly forgotten: ReadonlySet<string>
}

const NOBODY: ReadonlySet<string> = new Set()

export function requiredStateChange(asked: RequiredStateAsked): RequiredStateChange {
  const { userId, previous, requested, lazySent, lazyNeeded } = asked
  const changed = keysByType(asked.changed)
  const changedMembers = changed.get(MEMBER) ?? NOBODY
  const forgotten = changedMembers.intersection(lazySent).difference(lazyNeeded)
  const unsent = lazyNeeded.difference(lazySent)
  const only = (remembered: RequiredState | undefined, added: WantedState): RequiredStateChange => ({
    remembered,
    added,
    alsoSent: NOBODY,
    forgotten,
  })
  if (isSameRequiredState(previous, requested)) return only(undefined, membersOf(unsent))

  const [anyBefore, anyNow] = [previous.get(WILDCARD) ?? NOBODY, requested.get(WILDCARD) ?? NOBODY]
  if (anyBefore.has(WILDCARD)) return only(requested, NOTHING)
  if (!anyNow.isSubsetOf(anyBefore)) return only(requested, EVERYTHING)
  if (!anyBefore.isSubsetOf(anyNow)) return only(requested, NOTHING)

  if (changedMembers.has(userId)) changed.set(MEMBER, new Set([...changedMembers, ME]))
  const added: (readonly [string, string])[] = []
  const remembered = new Map(previous)
  let hasChanged = false
  const remember = (type: string, keys: ReadonlySet<string>) => {
    hasChanged = true
    if (keys.size === 0) remembered.delete(type)
    else remembered.set(type, keys)
  }
  for (const type of new Set([...previous.keys(), ...requested.keys()])) {
    const [before, now] = [previous.get(type) ?? NOBODY, requested.get(type) ?? NOBODY]
    if (isSameSet(before, now)) continue
    const stale = before.difference(now).intersection(changed.get(type) ?? NOBODY)
    const fresh = now.difference(before)
    const isLazilyFresh = type === MEMBER && fresh.has(LAZY)
    if (fresh.size === 0) {
      // Nothing of it changed: what the client has is right still.
      const kept = changed.has(type) ? keptOf(type, before, now, stale) : undefined
      if (kept !== undefined) remember(type, kept)
    } else if (isLazilyFresh) remember(type, now)
    else {
      const others = before.difference(stale).difference(new Set([WILDCARD, LAZY]))
      remember(type, atMost(now, others))
      if (before.has(WILDCARD)) continue
      for (const key of fresh)
        if (type !== MEMBER || !lazySent.has(key)) added.push([type, key === ME && type === MEMBER ? userId : key])
    }
  }

  const named = new Set([...(previous.get(MEMBER) ?? NOBODY)].map((key) => (key === ME ? userId : key)))
  for (const user of unsent.difference(named)) added.push([MEMBER, user])
  const becameLazy = hasChanged && remembered.get(MEMBER) !== previous.get(MEMBER) && requested.get(MEMBER)?.has(LAZY)
  return {
    remembered: hasChanged ? remembered : undefined,
    added: wantedState(added.map(([type, key]) => [type, key === ME ? userId : key])),
    alsoSent: becameLazy ? named.difference(changedMembers).difference(new Set([WILDCARD, LAZY])) : NOBODY,
    forgotten,
  }
}

/** Of a type of which less is asked for than before; undefined: as before. */
function keptOf(
  type: string,
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
  stale: ReadonlySet<string>,
): ReadonlySet<string> | undefined {
  if (before.has(WILDCARD) !== now.has(WILDCARD)) return now
  if (type === MEMBER && before.has(LAZY) && (!now.has(LAZY) || stale.size > 0)) return now
  return stale.size === 0 ? undefined : before.difference(stale)
}

/** What is asked for, and as much of what is remembered besides as there is room for. */
function atMost(now: ReadonlySet<string>, others: ReadonlySet<string>): ReadonlySet<string> {
  const room = MAX_REMEMBERED - now.size
  const kept = new Set(now)
  if (now.union(others).size <= MAX_REMEMBERED) return now.union(others)
  for (const key of [...others].slice(0, Math.max(0, room))) kept.add(key)
  return kept
}

function keysByType(pairs: Iterable<readonly [string, string]>): Map<string, ReadonlySet<string>> {
  const keys = new Map<string, Set<string>>()
  for (const [type, key] of pairs) {
    const of = keys.get(type)
    if (of === undefined) keys.set(type, new Set([key]))
    else of.add(key)
  }
  return keys
}

const membersOf = (users: ReadonlySet<string>): WantedState =>
  users.size === 0 ? NOTHING : wantedState([...users].map((user) => [MEMBER, user]))
