/** Identifiers that were parsed or checked: plain strings to the machine, not to be confused by the compiler. */
declare const kind: unique symbol
type Id<Kind extends string> = string & { readonly [kind]: Kind }

export type UserId = Id<'UserId'>
export type RoomId = Id<'RoomId'>
export type RoomAlias = Id<'RoomAlias'>
export type EventId = Id<'EventId'>
export type ServerName = Id<'ServerName'>
export type KeyId = Id<'KeyId'>
