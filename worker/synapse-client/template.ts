/**
 * What of Jinja the pages of admins need: `{{ name }}`, `{% if not a or b and c %}`, `{% else %}`, `{% endif %}`, `{# … #}`. Values
 * are escaped.
 */

import { escapeHtml } from '../../shared/html.ts'

export type TemplateValues = Readonly<Record<string, string | boolean | undefined>>

type Part =
  | { readonly text: string }
  | { readonly name: string }
  | { readonly condition: string; readonly whenTrue: readonly Part[]; readonly otherwise: readonly Part[] }

/** Throws, with what it is that cannot be read here. */
export function parseTemplate(source: string): (values: TemplateValues) => string {
  const tokens = source.replaceAll(/\{#[\s\S]*?#\}/g, '').split(/(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})/)
  let at = 0

  function parse(isInside: boolean): { readonly parts: readonly Part[]; readonly end: string } {
    const parts: Part[] = []
    for (; at < tokens.length; at++) {
      const token = tokens[at]!
      const inner = token.slice(2, -2).replace(/^-|-$/g, '').trim()
      if (token.startsWith('{{')) {
        if (!/^\w+$/.test(inner)) throw new Error(`{{ ${inner} }}: expected a name`)
        parts.push({ name: inner })
      } else if (token.startsWith('{%')) {
        const [, word, condition] = /^(\w+)\s*([\s\S]*)$/.exec(inner) ?? []
        if (word === 'if') {
          mustBeCondition(condition!)
          at++
          const then = parse(true)
          if (then.end === 'else') at++
          const otherwise = then.end === 'else' ? parse(true) : { parts: [], end: then.end }
          if (otherwise.end !== 'endif') throw new Error(`{% ${inner} %}: has no endif`)
          parts.push({ condition: condition!, whenTrue: then.parts, otherwise: otherwise.parts })
        } else if (isInside && (word === 'else' || word === 'endif')) return { parts, end: word }
        else throw new Error(`{% ${inner} %}: only if, else and endif are understood`)
      } else parts.push({ text: token })
    }
    return { parts, end: '' }
  }

  const { parts } = parse(false)
  return (values) => print(parts, values)
}

const print = (parts: readonly Part[], values: TemplateValues): string =>
  parts
    .map((part) => {
      if ('text' in part) return part.text
      if ('name' in part) return escapeHtml(String(values[part.name] ?? ''))
      return print(holds(part.condition, values) ? part.whenTrue : part.otherwise, values)
    })
    .join('')

function mustBeCondition(condition: string): void {
  if (!/^(?:not\s+)?\w+(?:\s+(?:and|or)\s+(?:not\s+)?\w+)*$/.test(condition))
    throw new Error(`{% if ${condition} %}: expected names with and, or, not`)
}

const holds = (condition: string, values: TemplateValues): boolean =>
  condition.split(/\s+or\s+/).some((all) =>
    all.split(/\s+and\s+/).every((term) => {
      const [, not, name] = /^(not\s+)?(\w+)$/.exec(term)!
      return Boolean(values[name!]) !== (not !== undefined)
    }),
  )
