/** `get_repl_stream_updates`: rows of streams that only their writer has. */

import type { Fetch, Updates } from '../streams/updates.ts'
import type { ReplicationClient } from './http-client.ts'
import type { ReplicationHandler } from './http-server.ts'
import { ReplicationError } from './replication-error.ts'

/** Rows of a stream of this process after `from`, up to and including `upTo`. */
export type OwnUpdates = (from: number, upTo: number) => Updates | Promise<Updates>

const refuse = (errcode: string, error: string) => new ReplicationError(400, { errcode, error }, error)

export function streamUpdatesHandler(streams: ReadonlyMap<string, OwnUpdates>): ReplicationHandler {
  return async ({ args, query }) => {
    const updates = streams.get(args.stream_name!)
    if (updates === undefined) throw refuse('M_UNKNOWN', 'Unknown stream')
    const [from, upTo] = ['from_token', 'upto_token'].map((name) => {
      const value = query.get(name)
      if (value === null) throw refuse('M_MISSING_PARAM', `Missing integer query parameter ${name}`)
      if (!/^-?\d{1,16}$/.test(value)) throw refuse('M_INVALID_PARAM', `Query parameter ${name} must be an integer`)
      return Number(value)
    }) as [number, number]
    const { rows, upTo: end, limited, beganAt } = await updates(from, upTo)
    // Synapse passes over what it does not know.
    return { updates: rows, upto_token: end, limited, ...(beganAt !== undefined && { began_at: beganAt }) }
  }
}

/** Asks the writer. Throws where it cannot be reached, or answers something else. */
export function fetchFromWriter(client: Pick<ReplicationClient, 'call'>, stream: string): Fetch {
  return async (instance, from, upTo) => {
    const answer = await client.call('get_repl_stream_updates', {
      instance,
      args: { stream_name: stream },
      query: { from_token: from, upto_token: upTo },
    })
    const { updates, upto_token: end, limited, began_at: beganAt } = answer
    if (!isRows(updates) || !Number.isSafeInteger(end) || typeof limited !== 'boolean')
      throw new Error(`${instance} answers for ${stream} something that is no updates`)
    return {
      rows: updates,
      upTo: end as number,
      limited,
      ...(Number.isSafeInteger(beganAt) && { beganAt: beganAt as number }),
    }
  }
}

const isRows = (value: unknown): value is Updates['rows'] =>
  Array.isArray(value) && value.every((row) => Array.isArray(row) && Number.isSafeInteger(row[0]) && row.length === 2)
