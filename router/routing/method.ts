/** Methods as bits, so that a rule's methods are tested with one `&`. */

import type { Method } from '../../shared/endpoints/types.ts'

const BITS: Readonly<Record<Method, number>> = {
  GET: 1,
  HEAD: 2,
  POST: 4,
  PUT: 8,
  DELETE: 16,
  PATCH: 32,
  OPTIONS: 64,
}
/** A method that no rule can name (TRACE, PROPFIND …): only rules for every method take it. */
const OTHER = 128

export const EVERY_METHOD = 255

/** The bit of a request's method as it stands in the request line; methods are case-sensitive (RFC 9110 §9.1). */
export const methodBit = (name: string): number => {
  switch (name) {
    case 'GET':
    case 'HEAD':
    case 'POST':
    case 'PUT':
    case 'DELETE':
    case 'PATCH':
    case 'OPTIONS':
      return BITS[name]
    default:
      return OTHER
  }
}

/**
 * The bits of a rule's `methods`. GET includes HEAD, as in Synapse. OPTIONS is in every rule: a browser's preflight has
 * to reach the worker that gets the request, and it names the path, but another method.
 */
export const methodMask = (methods: readonly Method[] | undefined): number =>
  methods === undefined
    ? EVERY_METHOD
    : methods.reduce((mask, method) => mask | BITS[method] | (method === 'GET' ? BITS.HEAD : 0), BITS.OPTIONS)
