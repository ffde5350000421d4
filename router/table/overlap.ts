import type { Endpoint } from '../../shared/endpoints/types.ts'
import { parameterName } from '../routing/pattern-of.ts'

/** Is there a path that both endpoints' patterns match? */
export const mayOverlap = (a: Endpoint, b: Endpoint): boolean =>
  pathsOf(a).some((one) => pathsOf(b).some((other) => meet(one, other)))

type Segment = string | { readonly nonEmpty: boolean }

/** The endpoint's paths under each prefix, with and without an optional slash, as segments. */
const pathsOf = ({ under, path, nonEmpty, optionalSlash }: Endpoint): readonly (readonly Segment[])[] =>
  under.flatMap((prefix) =>
    (optionalSlash ? [path, `${path}/`] : [path]).map((tail) =>
      `${prefix}${tail}`.split('/').map((segment) => {
        const name = parameterName(segment)
        return name === undefined ? segment : { nonEmpty: nonEmpty?.includes(name) === true }
      }),
    ),
  )

const meet = (a: readonly Segment[], b: readonly Segment[]): boolean =>
  a.length === b.length && a.every((segment, position) => segmentsMeet(segment, b[position]!))

const segmentsMeet = (a: Segment, b: Segment): boolean => {
  if (typeof a === 'string' && typeof b === 'string') return a === b
  // A parameter meets every literal but the empty one, which it may be barred from.
  if (typeof a === 'string') return a !== '' || (typeof b !== 'string' && !b.nonEmpty)
  if (typeof b === 'string') return b !== '' || !a.nonEmpty
  return true
}
