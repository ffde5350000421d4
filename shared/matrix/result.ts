/** What a reader of untrusted input returns: the value, or why there is none. Readers in this folder never throw on input. */
export type Result<T> = { readonly ok: true; readonly value: T } | Refused

export interface Refused {
  readonly ok: false
  /** For people, without the input's secrets: `room ID has no ':'`. */
  readonly reason: string
}

export const accepted = <T>(value: T): Result<T> => ({ ok: true, value })
export const refused = (reason: string): Refused => ({ ok: false, reason })
