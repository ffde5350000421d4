/** One request of a script, as it is meant for any server. */

import type { Random } from '../../harness/random.ts'
import type { Model } from './model.ts'

export interface Action {
  /** What it is, for people and for explanations: `send a message`. */
  readonly name: string
  /** The device that asks: one of the model's. */
  readonly by: string
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** After `/_matrix/client`, with the query: `/v3/rooms/<room1>/join`. Labels are encoded when they are replaced. */
  readonly path: string
  readonly body?: object
  /** Labels for what the answer brings: `<event3>` for the value of that member. */
  readonly binds?: Readonly<Record<string, string>>
  /** The list in its `chunk` has no order. */
  readonly isUnordered?: boolean
  /** Events in the answer are of a room's state. */
  readonly isState?: boolean
  /** What it changed, if both servers did it. */
  readonly onSuccess?: () => void
}

/** Undefined: there is nothing to do it with yet. */
export type MakeAction = (model: Model, random: Random) => Action | undefined

/** How often each is done, in relation to the others. */
export type Weighted = readonly (readonly [weight: number, make: MakeAction])[]

export const isRead = ({ method, name }: Action): boolean => method === 'GET' || READ_BY_POST.has(name)
const READ_BY_POST = new Set(['search', 'query keys', 'search users', 'search public rooms'])
