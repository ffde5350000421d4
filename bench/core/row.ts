import type { Room } from './room.ts'

/** One line of the table: a piece of work, for the protocol core and for Synapse's own functions. */
export interface Row {
  readonly group: string
  readonly name: string
  /** How many times the CPU time that Synapse takes at least, over ours. */
  readonly goal?: number
  /** `thread`: only what the thread that handles requests is kept from doing. */
  readonly clock?: Clock
  /** Makes the inputs. Not called for rows that are not asked for. */
  readonly prepare: () => Work
}

export type Clock = 'process' | 'thread'

export interface Work {
  /** How many pieces of work one call of `once` does; times are told for one. */
  readonly items: number
  /** Does them all; returns something of the results, lest a compiler think that nobody wants them. */
  readonly once: () => unknown
  /** What came out, in a form in which Synapse's answer must be the same. */
  readonly answer: unknown
  /** Name of the function in `ask_synapse.py` that prepares the same work, and what it is given. */
  readonly task: string
  readonly input: Readonly<Record<string, unknown>>
  /** Whose events the task names by index. */
  readonly room?: Room
}
