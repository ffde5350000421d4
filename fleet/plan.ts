/** Which processes a homeserver is made of. */

/** What a process answers over HTTP, in Synapse's words. */
export type PlannedResource = 'client' | 'federation' | 'media' | 'metrics' | 'health'

export interface ProcessPlan {
  /** `main`, or the worker's name, which also says what the router sends it. */
  readonly name: string
  readonly resources: readonly PlannedResource[]
  /** The streams that it writes, as `stream_writers` calls them. */
  readonly writes: readonly string[]
}

const CLIENTS = ['client', 'federation'] as const
/** Streams that may have several writers. */
const SHARED = new Set(['events', 'receipts', 'device_lists', 'thread_subscriptions'])
/** What is written by a process that has its stream's name. */
const STREAMS = new Set([
  ...['typing', 'to_device', 'account_data', 'receipts', 'presence', 'push_rules', 'device_lists'],
  'thread_subscriptions',
])

/**
 * Main, and a worker for each role: `sync`, `client`, `generic` …, `persister`, or the stream that it writes (`typing`).
 * A role may stand several times. `client+events`: one for clients that writes events too, as in a small deployment.
 * Throws for two writers of a stream that has one.
 */
export const planOf = (roles: readonly string[]): readonly ProcessPlan[] => {
  const counts = new Map<string, number>()
  const workers = roles.map((role): ProcessPlan => {
    const [base, also] = role.split('+') as [string, string | undefined]
    const count = (counts.get(base) ?? 0) + 1
    counts.set(base, count)
    const name = `${base}${count}`
    if (base === 'persister') return { name, resources: ['health'], writes: ['events'] }
    if (STREAMS.has(base)) {
      if (count > 1 && !SHARED.has(base)) throw new Error(`${base}: this stream has one writer`)
      return { name, resources: CLIENTS, writes: [base] }
    }
    return { name, resources: CLIENTS, writes: also === undefined ? [] : [also] }
  })
  return [{ name: 'main', resources: CLIENTS, writes: [] }, ...workers]
}

/** What `npm start` starts: `each` workers that sync, that do the rest, and that persist events. 0: main alone. */
export const defaultPlan = (each: number): readonly ProcessPlan[] =>
  planOf(['sync', 'generic', 'persister'].flatMap((role) => Array.from({ length: each }, () => role)))
