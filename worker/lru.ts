/** What was used last stays, up to a weight. Entries of a Map are in the order of their insertion: to use is to insert anew. */
export interface Lru<K, V> {
  /** Undefined if it is not there; what is there is now the newest. */
  readonly get: (key: K) => V | undefined
  /** As {@link get}, and no use of it. */
  readonly peek: (key: K) => V | undefined
  readonly has: (key: K) => boolean
  /** What weighs more than all may is not kept. */
  readonly set: (key: K, value: V) => void
  readonly delete: (key: K) => boolean
  readonly clear: () => void
  /** The longest unused first. */
  readonly keys: () => Iterable<K>
  readonly size: () => number
  readonly weight: () => number
}

/** `weightOf`: at least 1, and the same for as long as the value is kept. Without it, every entry weighs 1. */
export function makeLru<K, V extends {}>(maxWeight: number, weightOf: (value: V) => number = one): Lru<K, V> {
  const entries = new Map<K, V>()
  let weight = 0

  const remove = (key: K): boolean => {
    const value = entries.get(key)
    if (value === undefined) return false
    weight -= weightOf(value)
    return entries.delete(key)
  }

  return {
    get: (key) => {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    peek: (key) => entries.get(key),
    has: (key) => entries.has(key),
    set: (key, value) => {
      remove(key)
      const own = weightOf(value)
      if (own > maxWeight) return
      entries.set(key, value)
      weight += own
      if (weight > maxWeight)
        for (const oldest of entries.keys()) {
          remove(oldest)
          if (weight <= maxWeight) break
        }
    },
    delete: remove,
    clear: () => {
      entries.clear()
      weight = 0
    },
    keys: () => entries.keys(),
    size: () => entries.size,
    weight: () => weight,
  }
}

const one = (): number => 1
