/** Positions in tokens: decimal, within what a number holds exactly. */
export function parseInteger(text: string): number | undefined {
  if (!/^-?\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

/** As {@link parseInteger}, without a sign. */
export const parseNatural = (text: string): number | undefined =>
  text.startsWith('-') ? undefined : parseInteger(text)
