/** Tokens through Synapse's own classes: it reads what is written here as it is meant, and refuses what is refused here. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  isHistoric,
  parseMultiWriterToken,
  parseRoomToken,
  parseStreamToken,
  printMultiWriterToken,
  printRoomToken,
  printStreamToken,
} from '../../../worker/streams/tokens.ts'
import { copyAndAdvance, isBeforeOrEq } from '../../../worker/streams/vector-clock.ts'
import { synapsePython } from '../../synapse/install.ts'
import { instances, multiWriterTokens, names, roomTokens, streamTokens } from './arbitrary.ts'

const ask = `
import json, sys, asyncio, logging
logging.disable(logging.CRITICAL)
from synapse.types import RoomStreamToken, MultiWriterStreamToken, StreamToken
names = json.loads(sys.argv[1])
class Store:
    async def get_name_from_instance_id(self, i): return names[str(i)]
    async def get_id_for_instance(self, n): return next(int(k) for k, v in names.items() if v == n)
store = Store()
def kind(k): return {'room': RoomStreamToken.parse, 'clock': MultiWriterStreamToken.parse, 'stream': StreamToken.from_string}[k]
async def read(k, t):
    try: return await (await kind(k)(store, t)).to_string(store)
    except Exception: return None
async def pair(a, b):
    a, b = [await MultiWriterStreamToken.parse(store, t) for t in (a, b)]
    advanced = a.copy_and_advance(b)
    return [a.is_before_or_eq(b), advanced.stream, dict(advanced.instance_map)]
async def main():
    asked = json.load(sys.stdin)
    json.dump({'read': [await read(k, t) for k, t in asked['read']], 'pairs': [await pair(a, b) for a, b in asked['pairs']]}, sys.stdout)
asyncio.run(main())
`

const sorted = (text: string) =>
  text.replace(/(?:~\d+\.\d+)+/g, (entries) => `~${entries.slice(1).split('~').sort().join('~')}`)

test('Synapse reads and orders tokens alike', async (t) => {
  let python: string
  try {
    python = await synapsePython()
  } catch (error) {
    return t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
  }
  const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number) => fc.sample(arbitrary, { numRuns: count, seed: 1 })
  const whole = streamTokens.map((token) => ({ ...token, unknown: [] }))
  // Synapse also takes negative numbers after m, which nobody writes.
  const junk = fc.stringMatching(/^(?:[st]?[0-9~.-]{0,12}|m[0-9~.]{0,12})$/)
  const questions: (readonly ['room' | 'clock' | 'stream', string])[] = [
    ...sample(roomTokens, 300).map((token) => ['room', printRoomToken(token, instances)] as const),
    ...sample(multiWriterTokens, 300).map((token) => ['clock', printMultiWriterToken(token, instances)] as const),
    ...sample(whole, 300).map((token) => ['stream', printStreamToken(token, instances)] as const),
    ...sample(whole, 50).map(
      (token, index) =>
        [
          'stream',
          printStreamToken(token, instances)
            .split('_')
            .slice(0, 1 + (index % 14))
            .join('_'),
        ] as const,
    ),
    ...sample(junk, 400).flatMap((text) => [['room', text] as const, ['clock', text] as const]),
  ]
  const pairs = sample(fc.tuple(multiWriterTokens, multiWriterTokens), 300)
  const numbers = Object.fromEntries(names.map((name, index) => [index + 2, name]))
  const answers = JSON.parse(
    execFileSync(python, ['-c', ask, JSON.stringify(numbers)], {
      input: JSON.stringify({
        read: questions,
        pairs: pairs.map((pair) => pair.map((token) => printMultiWriterToken(token, instances))),
      }),
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    }),
  ) as { read: (string | null)[]; pairs: [boolean, number, Record<string, number>][] }

  let refused = 0
  for (const [index, [kind, text]] of questions.entries()) {
    const ours =
      kind === 'room'
        ? printed(parseRoomToken(text, instances), printRoomToken)
        : kind === 'clock'
          ? printed(parseMultiWriterToken(text, instances), printMultiWriterToken)
          : printed(parseStreamToken(text, instances), printStreamToken)
    const theirs = answers.read[index]!
    if (ours === null) refused++
    assert.equal(ours === null ? null : sorted(ours), theirs === null ? null : sorted(theirs), `${kind} ${text}`)
  }
  t.diagnostic(`${questions.length} tokens, ${refused} of them refused by both`)
  assert.ok(refused > 100)
  for (const [index, [a, b]] of pairs.entries()) {
    const [isBefore, stream, ahead] = answers.pairs[index]!
    assert.equal(isBeforeOrEq(a, b), isBefore)
    const advanced = copyAndAdvance(a, b)
    assert.deepEqual([advanced.stream, Object.fromEntries(advanced.ahead)], [stream, ahead])
  }
  assert.ok(questions.some(([kind, text]) => kind === 'room' && text.startsWith('t')))
  assert.ok(sample(roomTokens, 50).some(isHistoric))
})

function printed<T>(
  result: { ok: true; value: T } | { ok: false },
  print: (token: T, ids: typeof instances) => string,
): string | null {
  return result.ok ? print(result.value, instances) : null
}
