import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { parsePropertyPath } from '../property-path.ts'

/** Properties to be kept; undefined: all of it. */
interface Kept extends ReadonlyMap<string, Kept | undefined> {}

/** An event with the properties that the client wants, and no others. */
export type KeepFields = (event: JsonObject) => JsonObject

/** `event_fields` of a filter (client-server-api, "Filtering"). A property that is not there is left out, and what would hold it. */
export function keepFields(fields: readonly string[]): KeepFields {
  const kept = new Map<string, Kept | undefined>()
  for (const field of fields) add(kept, parsePropertyPath(field))
  return (event) => pick(event, kept)
}

function add(kept: Map<string, Kept | undefined>, path: readonly string[]): void {
  let at = kept
  for (const [i, name] of path.entries()) {
    const isLast = i === path.length - 1
    if (isLast) at.set(name, undefined)
    if (isLast || (at.has(name) && at.get(name) === undefined)) return
    const below = (at.get(name) as Map<string, Kept | undefined> | undefined) ?? new Map<string, Kept | undefined>()
    at.set(name, below)
    at = below
  }
}

function pick(object: JsonObject, kept: Kept): JsonObject {
  const entries: [string, JsonValue][] = []
  for (const [name, below] of kept) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined
    if (value === undefined) continue
    if (below === undefined) entries.push([name, value])
    else if (isObject(value)) {
      const part = pick(value, below)
      if (Object.keys(part).length > 0) entries.push([name, part])
    }
  }
  // Not by assignment: a name may be `__proto__`.
  return Object.fromEntries(entries)
}
