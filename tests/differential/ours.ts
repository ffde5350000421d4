/** What the protocol core makes of a history: the answer that oracles are held against. */

import { type AuthRefusal, authorise } from '../../shared/matrix/event-auth/authorise.ts'
import { checkAuthEvents } from '../../shared/matrix/event-auth/check-auth-events.ts'
import { storedEvent } from '../../shared/matrix/events/read.ts'
import { contentHash, eventIdOf } from '../../shared/matrix/hashes.ts'
import type { EventId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { redactEvent } from '../../shared/matrix/redact.ts'
import { type RoomVersion, roomVersions } from '../../shared/matrix/room-version.ts'
import { requiredSignatures } from '../../shared/matrix/signing/verify.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { type ResolveOptions, resolveState } from '../../shared/matrix/state-resolution/resolve.ts'
import type { Answer, Question, Verdict } from './question.ts'

export interface OurAnswer extends Required<Omit<Answer, 'unread'>> {
  /** Of each check the rule's number, where one refused. */
  readonly refusals: readonly (AuthRefusal | undefined)[]
  /** Of each resolution, how many events were in conflict. */
  readonly conflicts: readonly number[]
}

export const answer = (question: Question, follow: NonNullable<ResolveOptions['follow']>): OurAnswer => {
  const version = roomVersions[question.version]
  const ids = question.events.map((json) => eventIdOf(json, version))
  const events = question.events.map((json, i) => storedEvent(json, version, ids[i]!))
  const position = new Map(ids.map((id, i) => [id, i]))
  const event = (id: EventId) => events[position.get(id)!]
  const rejected = new Set(question.rejected)
  const isRejected = ({ eventId }: { readonly eventId: EventId }) => rejected.has(position.get(eventId)!)

  const receipts = question.checks.map((check) => {
    const checked = events[check.event]!
    return checkAuthEvents(
      checked,
      version,
      checked.authEvents.map((id) => event(id)!),
      isRejected,
      events[0],
    )
  })
  const states = question.checks.map((check) => {
    // What is wrong with a create event is wrong whatever the state, and told above.
    if (events[check.event]!.type === 'm.room.create') return undefined
    const state = new Map(check.state.map((index) => [keyOf(events[index]!), events[index]!]))
    return authorise(events[check.event]!, version, (type, stateKey) => state.get(keyOf({ type, stateKey })))
  })
  const sets = question.resolutions.map((one) => one.map((set) => stateMap(set.map((index) => events[index]!))))
  return {
    ids,
    contentHashes: question.events.map(contentHash),
    redacted: question.events.map((json) => canonicalJson(redactEvent(json, version))),
    signatures: question.events.map(signatures),
    formats: question.events.map((json) => unsignedBy(json, version)),
    receipts: receipts.map(verdict),
    states: states.map(verdict),
    resolved: sets.map((stateSets) => {
      const resolution = resolveState(version, stateSets, event, { isRejected, follow })
      return 'missing' in resolution
        ? `missing ${resolution.missing}`
        : idsOf(resolution.state)
            .map((id) => position.get(id)!)
            .sort((a, b) => a - b)
    }),
    refusals: receipts.map((refusal, i) => refusal ?? states[i]),
    conflicts: sets.map(conflicted),
  }
}

const keyOf = ({ type, stateKey }: { readonly type: string; readonly stateKey: string | undefined }): string =>
  JSON.stringify([type, stateKey])

const verdict = (refusal: AuthRefusal | undefined): Verdict =>
  refusal === undefined ? null : `${refusal.rule}: ${refusal.reason}`

const signatures = (json: JsonObject): Record<string, string> =>
  Object.fromEntries(
    Object.entries(json.signatures as Readonly<Record<string, JsonObject>>).map(([server, keys]) => [
      server,
      keys['ed25519:1'] as string,
    ]),
  )

const unsignedBy = (json: JsonObject, version: RoomVersion): Verdict => {
  const required = requiredSignatures(json, version)
  if (!required.ok) return required.reason
  const signed = isObject(json.signatures) ? json.signatures : {}
  const missing = required.value.filter((server) => !Object.hasOwn(signed, server))
  return missing.length === 0 ? null : `not signed by ${missing.join(', ')}`
}

const stateMap = (events: readonly { type: string; stateKey: string | undefined; eventId: EventId }[]): StateMap => {
  const map = new Map<string, Map<string, EventId>>()
  for (const { type, stateKey, eventId } of events) {
    const keys = map.get(type) ?? new Map<string, EventId>()
    map.set(type, keys.set(stateKey!, eventId))
  }
  return map
}

const idsOf = (state: StateMap): EventId[] => [...state.values()].flatMap((keys) => [...keys.values()])

/** Events that are in some of the sets and not in all. */
const conflicted = (sets: readonly StateMap[]): number => {
  const counts = new Map<EventId, number>()
  for (const id of sets.flatMap(idsOf)) counts.set(id, (counts.get(id) ?? 0) + 1)
  return [...counts.values()].filter((count) => count < sets.length).length
}
