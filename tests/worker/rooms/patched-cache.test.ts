import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { makePatchedCache, type PatchedCacheOptions } from '../../../worker/rooms/patched-cache.ts'
import { makeRandom } from '../../harness/random.ts'

type Rooms = ReadonlyMap<string, number>

interface Bed {
  readonly truth: Map<string, number>
  readonly reads: (readonly string[] | 'all')[]
  readonly options: PatchedCacheOptions<string, string, Rooms>
}

/** One key's value is `truth`, as it is when the reading ends or begins. */
function bed(pause: () => Promise<void> = async () => undefined): Bed {
  const truth = new Map<string, number>()
  const reads: (readonly string[] | 'all')[] = []
  return {
    truth,
    reads,
    options: {
      async load() {
        reads.push('all')
        const value = new Map(truth)
        await pause()
        return value
      },
      async patch(_key, value, parts) {
        reads.push(parts)
        const read = parts.map((part) => [part, truth.get(part)] as const)
        await pause()
        const fresh = new Map(value)
        for (const [part, version] of read)
          if (version === undefined) fresh.delete(part)
          else fresh.set(part, version)
        return fresh
      },
      weightOf: ({ size }) => size,
      maxWeight: 1000,
    },
  }
}

test('what is not stale is not read again, and what is, by itself', async () => {
  const { truth, reads, options } = bed()
  const cache = makePatchedCache(options)
  truth.set('a', 1).set('b', 1)
  const first = await cache.get('key')
  assert.equal(cache.get('key'), first)
  truth.set('b', 2)
  cache.forgetPart('key', 'b')
  assert.equal(cache.getFor('key', 'a'), first)
  assert.equal(cache.getFor('key', 'b'), undefined)
  assert.deepEqual([...(await cache.get('key'))], [...truth])
  truth.delete('a')
  cache.forgetPartOfAll('a')
  assert.deepEqual([...(await cache.get('key'))], [...truth])
  assert.deepEqual(reads, ['all', ['b'], ['a']])
})

test('a reading that what it read overtook is given to who asked before, and to nobody after', async () => {
  const pauses: (() => void)[] = []
  const { truth, reads, options } = bed(() => new Promise((resolve) => pauses.push(resolve)))
  const cache = makePatchedCache(options)
  truth.set('a', 1)
  const before = cache.get('key')
  const beforeToo = cache.get('key')
  truth.set('a', 2)
  cache.forgetPart('key', 'a')
  const after = cache.get('key')
  const afterToo = cache.get('key')
  pauses.shift()!()
  assert.equal((await before).get('a'), 1)
  assert.equal((await beforeToo).get('a'), 1)
  assert.equal(cache.getFor('key', 'a'), undefined)
  await turn()
  pauses.shift()!()
  assert.equal((await after).get('a'), 2)
  assert.equal((await afterToo).get('a'), 2)
  assert.deepEqual(reads, ['all', ['a']])
})

test('after a reading that failed all is read anew', async () => {
  const { truth, options } = bed()
  let fails = true
  const flaky = {
    ...options,
    async patch(...given: Parameters<typeof options.patch>) {
      if (fails) throw new Error('away')
      return options.patch(...given)
    },
  }
  const cache = makePatchedCache(flaky)
  truth.set('a', 1)
  await cache.get('key')
  truth.set('a', 2)
  cache.forgetPart('key', 'a')
  await assert.rejects(async () => cache.get('key'), /away/)
  fails = false
  assert.equal((await cache.get('key')).get('a'), 2)
})

test('what is too heavy is not kept, and what is kept weighs no more than it may', async () => {
  const { truth, reads, options } = bed()
  const cache = makePatchedCache({ ...options, maxWeight: 5 })
  for (const part of 'abcdefgh') truth.set(part, 1)
  assert.equal((await cache.get('key')).size, 8)
  assert.equal((await cache.get('key')).size, 8)
  assert.deepEqual(reads, ['all', 'all'])
  for (const part of 'cdefgh') truth.delete(part)
  await cache.get('one')
  await cache.get('two')
  assert.equal(cache.getFor('one', 'a'), undefined)
  assert.notEqual(cache.getFor('two', 'a'), undefined)
})

test('whoever asks after a change sees it, however readings and changes interleave', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = makeRandom(seed)
    const keys = ['k1', 'k2', 'k3']
    const truths = new Map(keys.map((key) => [key, new Map<string, number>()]))
    const pause = async () => {
      for (let turns = random.int(4); turns > 0; turns--) await turn()
    }
    const cache = makePatchedCache<string, string, Map<string, number>>({
      async load(key) {
        await pause()
        const value = new Map(truths.get(key)!)
        await pause()
        return value
      },
      async patch(key, value, parts) {
        await pause()
        const read = parts.map((part) => [part, truths.get(key)!.get(part)] as const)
        await pause()
        for (const [part, version] of read) if (version !== undefined) value.set(part, version)
        return value
      },
      weightOf: ({ size }) => size,
      // Little enough that entries come and go while they are read.
      maxWeight: random.int(2) === 0 ? 9 : 100,
    })
    let version = 0
    const asking: Promise<void>[] = []
    for (let step = 0; step < 80; step++) {
      const key = keys[random.int(keys.length)]!
      const truth = truths.get(key)!
      const part = `p${random.int(5)}`
      if (random.int(2) === 0) {
        truth.set(part, ++version)
        cache.forgetPart(key, part)
      } else {
        const known = new Map(truth)
        const check = (value: ReadonlyMap<string, number>, what: string) => {
          for (const [name, least] of known)
            assert.ok((value.get(name) ?? 0) >= least, `seed ${seed}: ${what} of ${key} has ${name} from before`)
        }
        const at = cache.getFor(key, part)
        if (at !== undefined) assert.equal(at.get(part), truth.get(part), `seed ${seed}: getFor`)
        asking.push(Promise.resolve(cache.get(key)).then((value) => check(value, 'get')))
      }
      if (random.int(3) === 0) await turn()
    }
    await Promise.all(asking)
  }
})

test('what is stale of a value that nobody asks for is not gathered without end', async () => {
  const { truth, reads, options } = bed()
  const cache = makePatchedCache(options)
  truth.set('a', 1)
  await cache.get('key')
  for (let i = 0; i <= 200; i++) cache.forgetPart('key', `${i}`)
  assert.equal(cache.getFor('key', 'a'), undefined, 'the value is gone, with the list of what is stale of it')
  truth.set('b', 2)
  assert.deepEqual([...(await cache.get('key'))], [...truth])
  assert.deepEqual(reads, ['all', 'all'])
})
