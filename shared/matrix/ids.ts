/** Identifiers that were parsed or checked: plain strings to the machine, not to be confused by the compiler. */
declare const kind: unique symbol
type Id<Kind extends string> = string & { readonly [kind]: Kind }

export type UserId = Id<'UserId'>
export type RoomId = Id<'RoomId'>
export type RoomAlias = Id<'RoomAlias'>
export type EventId = Id<'EventId'>
export type ServerName = Id<'ServerName'>
export type KeyId = Id<'KeyId'>

/**
 * All after the first `:`, the server that allocated the ID. Undefined where there is none: room IDs from room version 12 on,
 * event IDs from room version 3 on. It is not looked at further, as authorisation rules compare it without that.
 */
export function serverNameOf(id: UserId | RoomAlias): ServerName
export function serverNameOf(id: RoomId | EventId): ServerName | undefined
export function serverNameOf(id: string): ServerName | undefined {
  const colon = id.indexOf(':')
  return colon === -1 ? undefined : (id.slice(colon + 1) as ServerName)
}

/** What is between the sigil and the first `:`. */
export const localpartOf = (id: UserId | RoomAlias): string => id.slice(1, id.indexOf(':'))
