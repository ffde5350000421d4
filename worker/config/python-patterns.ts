/** Regular expressions of Synapse's files, which Python reads: what JavaScript writes otherwise is written so. */

/** What matches from the beginning of a text on, as Python's `re.match` does; or why that cannot be had. */
export function patternOf(python: string): RegExp | { readonly mistake: string } {
  const [, flags = '', rest] = /^(?:\(\?([aimsu]+)\))?([\s\S]*)$/.exec(python)!
  const source = rest!
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replaceAll(/(?<!\\)((?:\\\\)*)\\A/g, '$1^')
    .replaceAll(/(?<!\\)((?:\\\\)*)\\Z/g, '$1(?![\\s\\S])')
  const own = [...new Set(flags)].filter((flag) => 'is'.includes(flag)).join('')
  try {
    return new RegExp(`^(?:${source})`, own)
  } catch (error) {
    return { mistake: `is no regular expression that can be read here: ${(error as Error).message}` }
  }
}
