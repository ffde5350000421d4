import { canonicalJson } from '../../../shared/matrix/json/canonical.ts'
import { parseJson } from '../../../shared/matrix/json/parse.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { makeRandom } from '../../../tests/harness/random.ts'
import { digest } from '../digest.ts'
import { message, ofSize, powerLevels, shuffled, smallMessage } from '../events.ts'
import type { Row, Work } from '../row.ts'

const group = 'canonical JSON'

/** Both sides make bytes: that is what is hashed, signed and sent. */
const canonical = (values: readonly JsonObject[]): Work => ({
  items: values.length,
  once() {
    let bytes = 0
    for (const value of values) bytes += Buffer.from(canonicalJson(value)).length
    return bytes
  },
  answer: digest(values.map(canonicalJson)),
  task: 'canonical_json',
  input: { values },
})

/** Of a value as it comes from a parser, keys in any order. */
const inAnyOrder = (values: readonly JsonObject[]): readonly JsonObject[] => {
  const random = makeRandom(values.length)
  return values.map((value) => JSON.parse(JSON.stringify(shuffled(value, random))) as JsonObject)
}

export const jsonRows: readonly Row[] = [
  { group, name: '200 bytes', goal: 1, prepare: () => canonical(inAnyOrder(ofSize(smallMessage, 200, 64))) },
  { group, name: '1 KiB', goal: 1, prepare: () => canonical(inAnyOrder(ofSize(message, 1024, 64))) },
  { group, name: '1 KiB, keys in order already', goal: 1, prepare: () => canonical(ofSize(message, 1024, 64)) },
  { group, name: '10 KiB', goal: 1, prepare: () => canonical(inAnyOrder(ofSize(powerLevels, 10_240, 16))) },
  {
    group,
    name: '1 KiB, from text to text',
    goal: 1,
    prepare() {
      const texts = inAnyOrder(ofSize(message, 1024, 64)).map((value) => JSON.stringify(value))
      const canonicalText = (text: string): string => {
        const parsed = parseJson(text)
        if (!parsed.ok) throw new Error(parsed.reason)
        return canonicalJson(parsed.value)
      }
      return {
        items: texts.length,
        once() {
          let bytes = 0
          for (const text of texts) bytes += Buffer.from(canonicalText(text)).length
          return bytes
        },
        answer: digest(texts.map(canonicalText)),
        task: 'canonical_text',
        input: { texts },
      }
    },
  },
]
