/**
 * Which of two strings comes first by Unicode code point, as `sort` wants it. `<` compares UTF-16 units, where U+1F600 (of two
 * surrogates) comes before U+FF5E.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.codePointAt(i)! - b.codePointAt(i)!
  return a.length - b.length
}
