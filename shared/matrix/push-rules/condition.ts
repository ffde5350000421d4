import { compileGlob, findsLiteralWord, findsWord, type Glob, literalOf, matchesWhole, searchCost } from '../glob.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import { type EventView, fieldOf, foldCase, isFallbackReply, type Text } from './event-view.ts'

/** The user for whom rules are compiled. */
export interface RuleOwner {
  readonly userId: string
  /** Of the user ID, as a pattern. */
  readonly localpart: Glob
}

/** A user in a room. */
export interface Member {
  /** In that room. */
  readonly displayName?: string | undefined
  /** MSC4306: to the event's thread; undefined: it is in none, or that is off. */
  readonly isSubscribed?: boolean | undefined
}

/** Same for all users, so that one answer does for a whole room. */
export interface SharedCondition {
  /** Equal for equal conditions. */
  readonly key: string
  readonly test: (view: EventView) => boolean
}

export interface OwnCondition {
  readonly key: undefined
  readonly test: (view: EventView, owner: RuleOwner, member: Member) => boolean
}

export type Condition = SharedCondition | OwnCondition

/** Conditions as client-server-api, "Conditions" has them; undefined: one that is not understood, and never matches. */
export function compileCondition(json: JsonObject): Condition | undefined {
  switch (json.kind) {
    case 'event_match':
      return eventMatch(json)
    case 'event_property_is':
      return propertyIs(json)
    case 'event_property_contains':
      return propertyContains(json)
    case 'contains_display_name':
      return containsDisplayName
    case 'room_member_count':
      return memberCount(json)
    case 'sender_notification_permission':
      return notificationPermission(json)
    case 'org.matrix.msc3931.room_version_supports':
      return roomVersionSupports(json)
    case 'im.nheko.msc3664.related_event_match':
      return relatedEventMatch(json)
    case 'io.element.msc4306.thread_subscription':
      return threadSubscription(json)
    default:
      return undefined
  }
}

const body = fieldOf('content.body')

/** `content.body` is searched for words, other properties must match as a whole. */
function matcher(key: string, pattern: string): (view: EventView) => boolean {
  const field = fieldOf(key)
  const glob = compileGlob(foldCase(pattern))
  const cost = searchCost(glob)
  if (key === body.key) {
    return (view) => {
      const text = view.text(field)
      return text !== undefined && isAffordable(view, cost, text) && findsWord(glob, text.folded, text.original)
    }
  }
  const literal = literalOf(glob)
  if (literal !== undefined) return (view) => view.text(field)?.folded === literal
  return (view) => {
    const text = view.text(field)
    return text !== undefined && isAffordable(view, cost, text) && matchesWhole(glob, text.folded)
  }
}

function isAffordable({ budget }: EventView, cost: number, { folded }: Text): boolean {
  budget.left -= cost * folded.length
  return budget.left >= 0
}

function eventMatch({ key, pattern }: JsonObject): SharedCondition | undefined {
  if (typeof key !== 'string' || typeof pattern !== 'string') return undefined
  return { key: identity('event_match', key, pattern), test: matcher(key, pattern) }
}

/** The rule of the server's that has the user's ID as its pattern: it is that ID and no other, whatever characters are in it. */
export function fieldIsUser(key: string): OwnCondition {
  const field = fieldOf(key)
  return { key: undefined, test: (view, { userId }) => view.value(field) === userId }
}

export function fieldContainsUser(key: string): OwnCondition {
  const field = fieldOf(key)
  return { key: undefined, test: (view, { userId }) => view.contains(field, userId) }
}

/** The body has the localpart of the user's ID as a word. */
export const bodyHasLocalpart: OwnCondition = {
  key: undefined,
  test(view, { localpart }) {
    const text = view.text(body)
    return text !== undefined && findsWord(localpart, text.folded, text.original)
  },
}

/** An event that says whom it mentions is not searched for mentions (MSC3952). */
export const hasNoMentions: SharedCondition = { key: identity('has no mentions'), test: (view) => !view.hasMentions }

export const inRoom = (roomId: string): SharedCondition => ({
  key: identity('room', roomId),
  test: ({ event }) => event.roomId === roomId,
})
export const fromSender = (userId: string): SharedCondition => ({
  key: identity('sender', userId),
  test: ({ event }) => event.sender === userId,
})

/** Strings, integers, booleans and null: what canonical JSON has that is not compound. */
const isSimple = (value: JsonValue | undefined): value is string | number | boolean | null =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)

function propertyIs({ key, value }: JsonObject): SharedCondition | undefined {
  if (typeof key !== 'string' || !isSimple(value)) return undefined
  const field = fieldOf(key)
  return { key: identity('event_property_is', key, value), test: (view) => view.value(field) === value }
}

function propertyContains({ key, value }: JsonObject): SharedCondition | undefined {
  if (typeof key !== 'string' || !isSimple(value)) return undefined
  const field = fieldOf(key)
  return { key: identity('event_property_contains', key, value), test: (view) => view.contains(field, value) }
}

/** The name as it is written, a `*` in it too: a pattern it is not. */
const containsDisplayName: OwnCondition = {
  key: undefined,
  test(view, _, { displayName }) {
    if (displayName === undefined || displayName === '') return false
    const text = view.text(body)
    return text !== undefined && findsLiteralWord(foldCase(displayName), text.folded, text.original)
  },
}

const MEMBER_COUNT = /^(==|<=|>=|<|>|)([0-9]+)$/

function memberCount({ is }: JsonObject): SharedCondition | undefined {
  const parts = typeof is === 'string' ? MEMBER_COUNT.exec(is) : null
  if (parts === null) return undefined
  const [, comparison, digits] = parts
  const count = Number(digits)
  const key = identity('room_member_count', is!)
  switch (comparison) {
    case '<':
      return { key, test: ({ room }) => room.memberCount < count }
    case '>':
      return { key, test: ({ room }) => room.memberCount > count }
    case '<=':
      return { key, test: ({ room }) => room.memberCount <= count }
    case '>=':
      return { key, test: ({ room }) => room.memberCount >= count }
    default:
      return { key, test: ({ room }) => room.memberCount === count }
  }
}

/** Where `m.room.power_levels` says nothing of that notification. */
const DEFAULT_NOTIFICATION_LEVEL = 50

function notificationPermission({ key }: JsonObject): SharedCondition | undefined {
  if (typeof key !== 'string') return undefined
  return {
    key: identity('sender_notification_permission', key),
    test: ({ room }) =>
      room.senderPowerLevel !== undefined &&
      room.senderPowerLevel >= (room.notificationLevel(key) ?? DEFAULT_NOTIFICATION_LEVEL),
  }
}

/** MSC3931. */
function roomVersionSupports({ feature }: JsonObject): SharedCondition | undefined {
  if (typeof feature !== 'string') return undefined
  return {
    key: identity('room_version_supports', feature),
    test: ({ room }) => room.features?.includes(feature) === true,
  }
}

/** MSC3664: of the event to which this one is related; without `key` there only has to be one. */
function relatedEventMatch(json: JsonObject): SharedCondition | undefined {
  const { rel_type: relType, key, pattern, include_fallbacks: includeFallbacks } = json
  if (typeof relType !== 'string') return undefined
  if (key === undefined) return { key: identity('related', relType), test: relatedTest(relType, includeFallbacks) }
  if (typeof key !== 'string' || typeof pattern !== 'string') return undefined
  return {
    key: identity('related_event_match', relType, key, pattern, includeFallbacks === true),
    test: relatedTest(relType, includeFallbacks, matcher(key, pattern)),
  }
}

/** The related event's `key` is the user's ID. */
export function relatedIsUser(
  { rel_type: relType, include_fallbacks: includeFallbacks }: JsonObject,
  key: string,
): Condition {
  const field = fieldOf(key)
  return {
    key: undefined,
    test: (view, { userId }) =>
      relatedTest(relType as string, includeFallbacks, (related) => related.value(field) === userId)(view),
  }
}

const relatedTest =
  (relType: string, includeFallbacks: JsonValue | undefined, test: (view: EventView) => boolean = () => true) =>
  (view: EventView): boolean => {
    if (includeFallbacks !== true && relType === 'm.in_reply_to' && isFallbackReply(view.event)) return false
    const related = view.related(relType)
    return related !== undefined && test(related)
  }

/** MSC4306. */
function threadSubscription({ subscribed }: JsonObject): OwnCondition | undefined {
  if (typeof subscribed !== 'boolean') return undefined
  return { key: undefined, test: (_view, _owner, { isSubscribed }) => isSubscribed === subscribed }
}

/** Equal for equal conditions only: strings are quoted. */
function identity(...parts: readonly JsonValue[]): string {
  return JSON.stringify(parts)
}
