/**
 * JSON as Matrix needs it. Room versions 1 to 5 let numbers into events that JavaScript's `number` cannot hold and print
 * again, and the hash of an event covers them: so an integer outside ±(2^53 − 1) is a `bigint`, and what was
 * written with a fraction or an exponent is a {@link JsonFloat}.
 */
export type JsonValue = null | boolean | string | number | bigint | JsonFloat | readonly JsonValue[] | JsonObject

/**
 * Keys are whatever a stranger chose, `constructor` and `__proto__` included: where a key is not a literal of ours that no
 * prototype has, read it with {@link property}.
 */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/** A number written with a fraction or an exponent. `text` is as it was written. */
export class JsonFloat {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }

  /** JSON.stringify prints it as it was written. */
  toJSON(): unknown {
    return rawJson(this.text)
  }
}

/** In V8 since 2023, and not yet in TypeScript's library: a primitive that JSON.stringify prints as that text. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonFloat)

/** The object's own value of `key`. */
export const property = (object: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined
