import { isObject, type JsonObject, type JsonValue, property } from './json/value.ts'

/** Names of properties, outermost first. */
export type PropertyPath = readonly string[]

/**
 * Reads `content.m\.relates_to` (appendices, "Dot-separated property paths"): `\.` and `\\` stand for the character
 * itself, any other backslash for a backslash. Every text is a path.
 */
export function parsePropertyPath(text: string): PropertyPath {
  if (!text.includes('\\')) return text.split('.')
  const names: string[] = []
  let name = ''
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    const next = text[i + 1]
    if (character === '\\' && (next === '.' || next === '\\')) {
      name += next
      i++
    } else if (character === '.') {
      names.push(name)
      name = ''
    } else name += character
  }
  names.push(name)
  return names
}

/** The path's spelling: dots and backslashes within names are escaped. */
export const printPropertyPath = (path: PropertyPath): string =>
  path.map((name) => name.replace(/[\\.]/g, '\\$&')).join('.')

/** The value at the path, objects all the way; undefined where there is none. */
export function valueAt(value: JsonValue | undefined, path: PropertyPath, from = 0): JsonValue | undefined {
  let at = value
  for (let i = from; i < path.length; i++) {
    if (!isObject(at)) return undefined
    at = property(at as JsonObject, path[i]!)
  }
  return at
}
