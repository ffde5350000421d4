import type { RoomEvent } from '../events/event.ts'
import { serverNameOf } from '../ids.ts'
import { type Refusal, refuse } from './rules.ts'

/** "If type is `m.room.aliases`" (rooms/v1 to v5, rule 4). */
export function authoriseAliases({ sender, stateKey }: RoomEvent): Refusal | undefined {
  if (stateKey === undefined) return refuse('aliases.stateKey', 'the event names no server as its state key')
  if (stateKey !== serverNameOf(sender))
    return refuse('aliases.domain', `${sender} cannot set the aliases of ${stateKey}`)
  return undefined
}
