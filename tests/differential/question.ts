/** What oracles are asked about a room's history, and what they answer. Everywhere an event is its index in `events`. */

import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { RoomVersionId } from '../../shared/matrix/room-version.ts'

export interface Question {
  readonly version: RoomVersionId
  /** Nothing in it is but what clients make, well or ill meant; the others hold what no rule has in mind. */
  readonly isTame: boolean
  readonly roomId: string
  /** As servers exchange them, each after those that it names. */
  readonly events: readonly JsonObject[]
  /** The IDs that we give them. */
  readonly ids: readonly string[]
  /** Those that were refused. */
  readonly rejected: readonly number[]
  /** Each server's Ed25519 seed, in base64; its key is `ed25519:1`. */
  readonly keys: Readonly<Record<string, string>>
  readonly checks: readonly Check[]
  /** For each: two or more sets of state events. */
  readonly resolutions: readonly (readonly (readonly number[])[])[]
}

/** An event, to be authorised by its own auth events and by `state`. */
export interface Check {
  readonly event: number
  readonly state: readonly number[]
}

/** A refusal is its reason, null none. */
export type Verdict = string | null

/** What is missing is not asked of that oracle. */
export interface Answer {
  readonly ids?: readonly string[]
  readonly contentHashes?: readonly string[]
  /** In canonical JSON. */
  readonly redacted?: readonly string[]
  /** Of the servers whose signatures an event carries and whose keys are known. */
  readonly signatures?: readonly Readonly<Record<string, string>>[]
  /** Sizes, and the servers whose signatures must be there. */
  readonly formats?: readonly Verdict[]
  /** Of each check: the rules on the event and its auth events alone. */
  readonly receipts?: readonly Verdict[]
  /** Of each check: the rules on the state. */
  readonly states?: readonly Verdict[]
  /** Of each resolution the resolved state, ascending; or why there is none. Null: the oracle does not know the algorithm. */
  readonly resolved?: readonly (readonly number[] | string | null)[]
  /** Why the oracle cannot read the history. */
  readonly unread?: string
}
