import type { Endpoint } from '../../shared/endpoints/types.ts'

/** One path under each of the endpoint's prefixes; each parameter is its own name, as in `/rooms/roomId/state`. */
export const samplePaths = ({ under, path }: Endpoint): readonly string[] =>
  under.map((prefix) => prefix + path.replace(/\{(\w+)\}/g, '$1'))

/**
 * Paths that a servlet's pattern matches, from its text: every alternative, each optional part with and without, and a
 * plain word for what is open. Throws for syntax that no servlet had when this was written, lest it be sampled wrongly.
 */
export const pathsOfPattern = (pattern: string): readonly string[] => {
  const source = pattern.replace(/^\^/, '').replace(/\$$/, '')
  let position = 0

  const alternatives = (): string[] => {
    const all = [...sequence()]
    while (source[position] === '|') {
      position++
      all.push(...sequence())
    }
    return all
  }

  const sequence = (): string[] => {
    let done = ['']
    while (position < source.length && source[position] !== '|' && source[position] !== ')') {
      let item = atom()
      if (source[position] === '?') {
        position++
        item = ['', ...item]
      }
      done = done.flatMap((before) => item.map((after) => before + after))
    }
    return done
  }

  const atom = (): string[] => {
    for (const [text, sample] of OPEN)
      if (source.startsWith(text, position)) {
        position += text.length
        return [sample]
      }
    if (source[position] === '(') return group()
    if (source[position] === '\\') position++
    const character = source[position++]!
    if (/[[\]*+^$]/.test(character)) throw new Error(`${pattern}: do not know how to sample "${character}"`)
    return [character]
  }

  const group = (): string[] => {
    position += /^\((\?P<\w+>)?/.exec(source.slice(position))![0].length
    const all = alternatives()
    if (source[position++] !== ')') throw new Error(`${pattern}: unbalanced parenthesis`)
    return all
  }

  return [...new Set(alternatives())]
}

/** What stands for any text. `.*` is only ever what follows `pushrules/`. */
const OPEN: readonly (readonly [string, string])[] = [
  ['[^/]*', 'x'],
  ['[^/]+', 'x'],
  ['[\\w\\.]*', 'x'],
  ['.*', 'global/override/x'],
]
