/**
 * The server of a user, room or event ID: all after the first `:`, without looking further, as these rules compare it.
 * Undefined: there is no `:`.
 */
export function domainOf(id: string): string | undefined {
  const colon = id.indexOf(':')
  return colon === -1 ? undefined : id.slice(colon + 1)
}
