import fc from 'fast-check'
import { JsonFloat, type JsonValue } from '../../../../shared/matrix/json/value.ts'

/** Characters that have been got wrong: escapes, C1, noncharacters, surrogate pairs beside what sorts between them. */
const character = fc.oneof(
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme-ascii' }) },
  fc.constantFrom('"', '\\', '/', '\b', '\t', '\n', '\f', '\r', '\0', '\x1f', '\x7f', '\u0085', '\u2028', 'é', '日'),
  fc.constantFrom('\ud7ff', '\ue000', '\uff5e', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}'),
)
export const wellFormedString = fc.string({ unit: character, maxLength: 12 })

const key = fc.oneof(
  wellFormedString,
  fc.constantFrom('', '0', '10', '9', '-1', 'a', 'B', '__proto__', 'constructor', 'toJSON', 'signatures', 'unsigned'),
)

const safeInteger = fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value))
const bigInteger = fc
  .bigInt({ min: -(10n ** 40n), max: 10n ** 40n })
  .filter((value) => !Number.isSafeInteger(Number(value)))
const float = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => new JsonFloat(/[.e]/.test(String(value)) ? String(value) : `${value}.0`))

const valueWith = (scalar: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> =>
  fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      scalar,
      fc.array(tie('value'), { maxLength: 5 }),
      // `fromEntries` makes a key of `__proto__` too.
      fc.array(fc.tuple(key, tie('value')), { maxLength: 8 }).map((entries) => Object.fromEntries(entries)),
    ),
  })).value

const common = [fc.constantFrom(null, true, false), wellFormedString, safeInteger] as const

/** JSON as room versions from 6 want it. */
export const strictValue = valueWith(fc.oneof(...common))
/** JSON with numbers of any kind. */
export const anyValue = valueWith(fc.oneof(...common, bigInteger, float))
