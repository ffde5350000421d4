/**
 * Values by key of which parts become stale: a user's memberships by room, a room's members by user. Only what is stale is
 * read again, and what became stale while it was being read stays so.
 */

import { makeLru } from '../lru.ts'

export interface PatchedCacheOptions<K, P, V extends object> {
  readonly load: (key: K) => Promise<V>
  /** The value with these parts as they are now. It may be the same object, changed. */
  readonly patch: (key: K, value: V, parts: readonly P[]) => Promise<V>
  readonly weightOf: (value: V) => number
  /** Of all values together; each weighs 1 at least. */
  readonly maxWeight: number
}

export interface PatchedCache<K, P, V extends object> {
  /** As of the call or later. At once, where nothing of it is stale. */
  readonly get: (key: K) => V | Promise<V>
  /** The value, if it is there and this part of it is not stale; others may be. */
  readonly getFor: (key: K, part: P) => V | undefined
  readonly forgetPart: (key: K, part: P) => void
  /** Of every value. */
  readonly forgetPartOfAll: (part: P) => void
  readonly forget: (key: K) => void
  readonly clear: () => void
}

interface Entry<P, V> {
  value: V | undefined
  weight: number
  stale: Set<P>
  /** Undefined while nothing is being read; the parts that are, `all` of them where there was no value. */
  readingParts: ReadonlySet<P> | 'all' | undefined
  reading: Promise<V> | undefined
  /** Begins when `reading` has ended, for those who know of something stale since that began. */
  next: Promise<V> | undefined
}

/** More stale parts than these, and all is read at once. */
const MAX_PARTS = 200

export function makePatchedCache<K, P, V extends object>(options: PatchedCacheOptions<K, P, V>): PatchedCache<K, P, V> {
  const entries = makeLru<K, Entry<P, V>>(options.maxWeight, ({ weight }) => weight)

  /** Put in anew, as its weight is another. What was dropped meanwhile hears no news, so it stays dropped. */
  const keep = (key: K, entry: Entry<P, V>, value: V): void => {
    if (entries.peek(key) !== entry) return
    entries.delete(key)
    entry.value = value
    entry.weight = 1 + options.weightOf(value)
    entries.set(key, entry)
  }

  const read = async (key: K, entry: Entry<P, V>): Promise<V> => {
    const { value, stale } = entry
    const isPatch = value !== undefined && stale.size <= MAX_PARTS
    entry.stale = new Set()
    entry.readingParts = isPatch ? stale : 'all'
    try {
      const fresh = await (isPatch ? options.patch(key, value, [...stale]) : options.load(key))
      keep(key, entry, fresh)
      return fresh
    } catch (error) {
      if (entries.peek(key) === entry) entries.delete(key)
      throw error
    } finally {
      entry.readingParts = undefined
      entry.reading = undefined
    }
  }

  const refresh = (key: K, entry: Entry<P, V>): Promise<V> => {
    if (entry.reading === undefined) {
      entry.reading = read(key, entry)
      return entry.reading
    }
    // It began after all that is known to be stale became so.
    if (entry.stale.size === 0) return entry.reading
    const again = (): Promise<V> => {
      entry.next = undefined
      return refresh(key, entry)
    }
    entry.next ??= entry.reading.then(again, again)
    return entry.next
  }

  const forgetPart = (key: K, part: P): void => {
    const entry = entries.peek(key)
    if (entry === undefined) return
    entry.stale.add(part)
    // Nobody has asked for it for long: all would be read anyway, and what is stale need not be gathered.
    if (entry.stale.size > MAX_PARTS && entry.reading === undefined) entries.delete(key)
  }

  return {
    get(key) {
      let entry = entries.get(key)
      if (entry === undefined) {
        entry = {
          value: undefined,
          weight: 1,
          stale: new Set(),
          readingParts: undefined,
          reading: undefined,
          next: undefined,
        }
        entries.set(key, entry)
      } else if (entry.value !== undefined && entry.stale.size === 0 && entry.reading === undefined) return entry.value
      return refresh(key, entry)
    },
    getFor(key, part) {
      const entry = entries.get(key)
      if (entry?.value === undefined || entry.stale.has(part)) return undefined
      const { readingParts } = entry
      return readingParts === undefined || (readingParts !== 'all' && !readingParts.has(part)) ? entry.value : undefined
    },
    forgetPart,
    forgetPartOfAll(part) {
      for (const key of entries.keys()) forgetPart(key, part)
    },
    forget: (key) => {
      entries.delete(key)
    },
    clear: entries.clear,
  }
}
