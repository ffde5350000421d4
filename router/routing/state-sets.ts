/** Sets of automaton states, numbered: equal sets get one number. Two flat arrays and a hash table, of bounded size. */

export interface StateSets {
  readonly size: number
  /** The members of all sets, one after the other; replaced when it grows. */
  readonly members: Int32Array
  /** Set `index` is `members[begin(index), begin(index + 1))`. */
  readonly begin: (index: number) => number
  /** The number of the sorted set `states[0, count)`, which is added if it is new; -1 if there is no room for it. */
  readonly intern: (states: Int32Array, count: number) => number
  /** Forgets all sets, keeps the memory. */
  readonly clear: () => void
  readonly bytes: () => number
}

export const makeStateSets = (maxSets: number, maxMembers: number): StateSets => {
  let size = 0
  let members = new Int32Array(1024)
  let begins = new Int32Array(129)
  let hashes = new Int32Array(128)
  /** Open addressing, set number + 1 or 0; at most half full. */
  let buckets = new Int32Array(256)

  const grown = (array: Int32Array<ArrayBuffer>, length: number) => {
    const larger = new Int32Array(length)
    larger.set(array)
    return larger
  }

  const hash = (states: Int32Array, count: number): number => {
    let h = count
    for (let i = 0; i < count; i++) {
      h = Math.imul(h ^ states[i]!, 0x9e3779b1)
      h ^= h >>> 15
    }
    return h
  }

  const equals = (index: number, states: Int32Array, count: number): boolean => {
    const begin = begins[index]!
    if (begins[index + 1]! - begin !== count) return false
    for (let i = 0; i < count; i++) if (members[begin + i] !== states[i]) return false
    return true
  }

  const growBuckets = () => {
    buckets = new Int32Array(buckets.length * 2)
    for (let index = 0; index < size; index++) {
      let bucket = hashes[index]! & (buckets.length - 1)
      while (buckets[bucket] !== 0) bucket = (bucket + 1) & (buckets.length - 1)
      buckets[bucket] = index + 1
    }
  }

  return {
    get size() {
      return size
    },
    get members() {
      return members
    },
    begin: (index) => begins[index]!,
    intern(states, count) {
      const h = hash(states, count)
      let bucket = h & (buckets.length - 1)
      for (; buckets[bucket] !== 0; bucket = (bucket + 1) & (buckets.length - 1)) {
        const index = buckets[bucket]! - 1
        if (hashes[index] === h && equals(index, states, count)) return index
      }
      const begin = begins[size]!
      if (size === maxSets || begin + count > maxMembers) return -1
      if (size === hashes.length) {
        hashes = grown(hashes, size * 2)
        begins = grown(begins, size * 2 + 1)
      }
      if (begin + count > members.length) {
        members = grown(members, Math.min(maxMembers, Math.max(members.length * 2, begin + count)))
      }
      for (let i = 0; i < count; i++) members[begin + i] = states[i]!
      begins[size + 1] = begin + count
      hashes[size] = h
      buckets[bucket] = ++size
      if (size * 2 > buckets.length) growBuckets()
      return size - 1
    },
    clear() {
      size = 0
      buckets.fill(0)
    },
    bytes: () => members.byteLength + begins.byteLength + hashes.byteLength + buckets.byteLength,
  }
}
