import { authEventKeys } from '../../../shared/matrix/event-auth/auth-events.ts'
import { authorise } from '../../../shared/matrix/event-auth/authorise.ts'
import { checkAuthEvents } from '../../../shared/matrix/event-auth/check-auth-events.ts'
import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import type { UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import type { Draft, Room } from '../room.ts'
import { benchRoom } from '../rooms.ts'
import type { Row } from '../row.ts'

const group = 'authorisation, 1,000 state events, 100 moderators'
const goal = 5
const room = (): Room => benchRoom('10', 1000)

const messages = ({ make, moderators }: Room): readonly RoomEvent[] =>
  moderators
    .slice(0, 64)
    .map((sender, n) => make({ type: 'm.room.message', sender, content: { body: `message ${n}` } }))

const joins = ({ make }: Room): readonly RoomEvent[] =>
  Array.from({ length: 64 }, (_, n) => {
    const user = `@stranger${n}:server${n}.example` as UserId
    return make({ type: 'm.room.member', sender: user, stateKey: user, content: { membership: 'join' } })
  })

const bans = ({ make, moderators }: Room): readonly RoomEvent[] =>
  moderators.slice(0, 64).map((sender, n) => {
    const stateKey = `@spammer${n}:server${n}.example`
    return make({ type: 'm.room.member', sender, stateKey, content: { membership: 'ban', reason: 'spam' } })
  })

const promotions = ({ make, admin, lookup, state }: Room): readonly RoomEvent[] =>
  Array.from({ length: 16 }, (_, n) => {
    const { content } = lookup(state)('m.room.power_levels', '')!
    const users = { ...(content.users as JsonObject), [`@trusted${n}:server${n}.example`]: 50 }
    const draft: Draft = { type: 'm.room.power_levels', sender: admin, stateKey: '', content: { ...content, users } }
    return make(draft)
  })

/** What the state has of what the rules ask for: what Synapse is handed, in a list. */
const authStateOf = ({ version, lookup, state }: Room, event: RoomEvent): readonly RoomEvent[] =>
  authEventKeys(event, version)
    .map(([type, stateKey]) => lookup(state)(type, stateKey))
    .filter((found) => found !== undefined)

/** By the state before the event. */
const byState = (name: string, make: (room: Room) => readonly RoomEvent[]): Row => ({
  group,
  name,
  goal,
  prepare() {
    const here = room()
    const { version, lookup, state, indexOf } = here
    const events = make(here)
    const inState = lookup(state)
    const once = (): number => {
      let allowed = 0
      for (const event of events) if (authorise(event, version, inState) === undefined) allowed++
      return allowed
    }
    const checks = events.map((event) => ({
      event: indexOf(event.eventId),
      state: authStateOf(here, event).map(({ eventId }) => indexOf(eventId)),
    }))
    return { items: events.length, once, answer: once(), task: 'authorise', input: { checks }, room: here }
  },
})

/** The rules about the event's own auth events. */
const byAuthEvents = (name: string, make: (room: Room) => readonly RoomEvent[]): Row => ({
  group,
  name,
  goal,
  prepare() {
    const here = room()
    const { version, event: eventOf, indexOf } = here
    const events = make(here)
    const isRejected = () => false
    const once = (): number => {
      let allowed = 0
      for (const event of events) {
        const authEvents = event.authEvents.map((id) => eventOf(id)!)
        if (checkAuthEvents(event, version, authEvents, isRejected) === undefined) allowed++
      }
      return allowed
    }
    const input = { events: events.map(({ eventId }) => indexOf(eventId)) }
    return { items: events.length, once, answer: once(), task: 'check_auth_events', input, room: here }
  },
})

export const authorisationRows: readonly Row[] = [
  byState('message', messages),
  byState('join', joins),
  byState('ban', bans),
  byState('power levels', promotions),
  byAuthEvents('auth events of a message', messages),
  byAuthEvents('auth events of a join', joins),
]
