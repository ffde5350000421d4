/**
 * Positions of a stream that several processes write: all of them have got as far as `stream`, and those in `ahead` further.
 * A fact is covered by a token if its ID is at most the position of the process that wrote it.
 */
export interface MultiWriterToken {
  readonly stream: number
  /** By instance name; each position is greater than `stream`. */
  readonly ahead: ReadonlyMap<string, number>
}

const NOBODY: ReadonlyMap<string, number> = new Map()

export const tokenAt = (stream: number): MultiWriterToken => ({ stream, ahead: NOBODY })

/** The token of these positions; those that are not ahead of `stream` say nothing and are left out. */
export function tokenOf(stream: number, positions: Iterable<readonly [string, number]>): MultiWriterToken {
  const ahead = [...positions].filter(([, position]) => position > stream)
  return { stream, ahead: ahead.length === 0 ? NOBODY : new Map(ahead) }
}

/** How far `instance` had written. */
export const positionAt = ({ stream, ahead }: MultiWriterToken, instance: string): number =>
  ahead.get(instance) ?? stream

/** The furthest any process had written. The least is `stream`. */
export const maxPosition = ({ stream, ahead }: MultiWriterToken): number => Math.max(stream, ...ahead.values())

const instancesOf = (a: MultiWriterToken, b: MultiWriterToken): ReadonlySet<string> =>
  a.ahead.size === 0 && b.ahead.size === 0 ? NO_INSTANCES : new Set([...a.ahead.keys(), ...b.ahead.keys()])
const NO_INSTANCES: ReadonlySet<string> = new Set()

/** Whether all that `a` covers is covered by `b`. Of two tokens, neither may be before the other. */
export function isBeforeOrEq(a: MultiWriterToken, b: MultiWriterToken): boolean {
  if (a.stream > b.stream) return false
  for (const instance of instancesOf(a, b)) if (positionAt(a, instance) > positionAt(b, instance)) return false
  return true
}

/** The least token that covers what either covers. */
export const copyAndAdvance = (a: MultiWriterToken, b: MultiWriterToken): MultiWriterToken => combine(a, b, Math.max)

/** The greatest token that covers only what both cover. */
export const copyAndRetreat = (a: MultiWriterToken, b: MultiWriterToken): MultiWriterToken => combine(a, b, Math.min)

const combine = (a: MultiWriterToken, b: MultiWriterToken, choose: (x: number, y: number) => number) =>
  tokenOf(
    choose(a.stream, b.stream),
    [...instancesOf(a, b)].map((instance) => [instance, choose(positionAt(a, instance), positionAt(b, instance))]),
  )

/** The token with no position above `max`. */
export const bounded = (token: MultiWriterToken, max: number): MultiWriterToken =>
  maxPosition(token) <= max ? token : combine(token, tokenAt(max), Math.min)

/**
 * Whether a fact that `instance` wrote at `position` is after `from` and not after `upTo`. `instance` is null for rows from
 * before the stream had several writers.
 */
export function isBetween(
  from: MultiWriterToken | undefined,
  upTo: MultiWriterToken | undefined,
  instance: string | null,
  position: number,
): boolean {
  const at = (token: MultiWriterToken) => (instance === null ? token.stream : positionAt(token, instance))
  return (from === undefined || position > at(from)) && (upTo === undefined || position <= at(upTo))
}
