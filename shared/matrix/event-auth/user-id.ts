/**
 * NOTSPEC: whether `users` of power levels may have this key: `@` and a `:`. The specification asks for valid user IDs;
 * Synapse and Dendrite ask no more than this, and refusing what they have admitted would split the room.
 */
export const looksLikeUserId = (key: string): boolean => key.startsWith('@') && key.includes(':')
