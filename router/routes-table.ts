/** `router table`: the rules in force, in the order in which they are tried. */

import type { Rule } from './routing/rule.ts'

export const tableAsData = (rules: readonly Rule[]) =>
  rules.map(({ pool, methods, match, when, name, sticky, place }) => ({
    pool,
    methods: methods ?? null,
    match,
    when: when ?? null,
    name,
    sticky: sticky ?? null,
    place: place ? `${place.file}:${place.line}:${place.column}` : null,
  }))

const whenText = (when: Rule['when']): string =>
  [
    ...(when?.initialSync === undefined ? [] : [when.initialSync ? 'initial sync' : 'not initial sync']),
    ...Object.entries(when?.query ?? {}).map(([name, wanted]) =>
      wanted === true ? `?${name}` : wanted === false ? `no ?${name}` : `?${name}=${wanted}`,
    ),
  ].join(', ')

/** Columns pool, methods, pattern, condition, name (left out where it is the pattern), aligned. */
export const printTable = (rules: readonly Rule[]): string => {
  const head = ['POOL', 'METHODS', 'MATCH', 'WHEN', 'NAME']
  const rows = rules.map(({ pool, methods, match, when, name, place }) => [
    pool,
    methods?.join(',') ?? 'any',
    match,
    whenText(when),
    name === match ? (place ? `${place.file}:${place.line}` : '') : name,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n\nWhat none of these matches goes to main.\n`
}
