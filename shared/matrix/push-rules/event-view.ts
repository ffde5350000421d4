import type { RoomEvent } from '../events/event.ts'
import { isObject, type JsonValue, property } from '../json/value.ts'
import { type PropertyPath, parsePropertyPath, valueAt } from '../property-path.ts'
import { EXTENSIBLE_EVENTS } from './default-rules.ts'

type Level = number | bigint

/** What rules ask of a room, at the event. */
export interface RoomFacts {
  /** Joined members. */
  readonly memberCount: number
  /** Of the event's sender; undefined: not known, as of an event without state. */
  readonly senderPowerLevel: Level | undefined
  /** What `m.room.power_levels` says in `notifications`; undefined: nothing, and 50 holds. */
  readonly notificationLevel: (key: string) => Level | undefined
  /** MSC3931: what the room's version supports. */
  readonly features?: readonly string[]
  /** MSC3664, undefined where it is off: the event to which this one stands in that relation; replies: `m.in_reply_to`. */
  readonly relatedEvent?: (relType: string) => RoomEvent | undefined
}

/** A property of an event, as a rule names it. */
export interface Field {
  readonly key: string
  readonly path: PropertyPath
}

export const fieldOf = (key: string): Field => ({ key, path: parsePropertyPath(key) })

/** A string that is compared without regard to case. */
export interface Text {
  readonly original: string
  /** Of the same length. */
  readonly folded: string
}

/** An event as rules look at it. What was looked up once for one member of the room is there for all others. */
export interface EventView {
  readonly event: RoomEvent
  readonly room: RoomFacts
  /** The room's version has extensible events: rules that do not know them do not match (MSC3932). */
  readonly isExtensible: boolean
  /** Whether the event says whom it mentions (client-server-api, "User and room mentions"). */
  readonly hasMentions: boolean
  readonly value: (field: Field) => JsonValue | undefined
  /** The field's string; undefined if it is something else. */
  readonly text: (field: Field) => Text | undefined
  /** Whether the field is an array that holds that value. */
  readonly contains: (field: Field, value: JsonValue) => boolean
  readonly related: (relType: string) => EventView | undefined
  /** What may still be spent on patterns for the user at hand. */
  readonly budget: Budget
}

/** In steps of `searchCost`; below 0: spent. */
export interface Budget {
  left: number
}

/**
 * What one user's patterns may cost for one event: some tenths of a second at worst, and no limit to anybody who is not out
 * for that (64 KiB of text and 500 keywords, or 70 with a `?`; 1 KiB and all keywords there can be).
 * NOTSPEC: what would cost more does not match. Else 10,000 rules of a hostile user's stop a server for hours.
 */
export const WORK_PER_USER = 32_000_000

export function viewEvent(event: RoomEvent, room: RoomFacts, budget: Budget = { left: WORK_PER_USER }): EventView {
  const texts = new Map<string, Text | undefined>()
  const members = new Map<string, ReadonlySet<JsonValue>>()
  const relations = new Map<string, EventView | undefined>()
  const value = ({ path }: Field) => fieldValue(event, path)

  return {
    event,
    room,
    budget,
    isExtensible: room.features?.includes(EXTENSIBLE_EVENTS) === true,
    hasMentions: property(event.content, 'm.mentions') !== undefined,
    value,
    text(field) {
      const known = texts.get(field.key)
      if (known !== undefined || texts.has(field.key)) return known
      const found = value(field)
      const text = typeof found === 'string' ? { original: found, folded: foldCase(found) } : undefined
      texts.set(field.key, text)
      return text
    },
    contains(field, wanted) {
      let set = members.get(field.key)
      if (set === undefined) {
        const found = value(field)
        set = new Set(Array.isArray(found) ? found : [])
        members.set(field.key, set)
      }
      return set.has(wanted)
    },
    related(relType) {
      if (!relations.has(relType)) {
        const found = room.relatedEvent?.(relType)
        relations.set(relType, found === undefined ? undefined : viewEvent(found, room, budget))
      }
      return relations.get(relType)
    },
  }
}

/** Clients know the event with its ID and its room's, which not every room version writes into it. */
function fieldValue(event: RoomEvent, path: PropertyPath): JsonValue | undefined {
  if (path[0] === 'content') return valueAt(event.content, path, 1)
  if (path.length === 1 && path[0] === 'event_id') return event.eventId
  if (path.length === 1 && path[0] === 'room_id') return event.roomId
  return valueAt(event.json, path)
}

/** Whether an event is a reply only for clients that do not know threads (client-server-api, "Fallback for unthreaded clients"). */
export function isFallbackReply({ content }: RoomEvent): boolean {
  const relation = property(content, 'm.relates_to')
  return isObject(relation) && relation.rel_type === 'm.thread' && relation.is_falling_back === true
}

/**
 * Lower case, of the same length as the text ("the exact meaning of 'case insensitive' is defined by the implementation").
 * İ is the one letter with a lower case that is longer: it stays. Both small sigmas are one letter.
 */
export function foldCase(text: string): string {
  const lower = text.toLowerCase()
  const folded = lower.length === text.length ? lower : text.replace(/[^İ]+/g, (part) => part.toLowerCase())
  return folded.includes('ς') ? folded.replaceAll('ς', 'σ') : folded
}
