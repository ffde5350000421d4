/**
 * The only reader of path patterns: the subset of regular expressions that Synapse's documentation, and the nginx and
 * HAProxy tables made from it, are written in. What can be read means the same in PCRE, Python and JavaScript; whatever
 * those read differently is refused, with the repair in the message.
 *
 * A pattern is matched against the raw path, byte by byte, as HAProxy and Synapse do (nginx decodes first): `.` and
 * `[^/]` are any byte, `.` also `/`. Without `^` it may begin anywhere, without `$` any rest may follow. A query string
 * is never seen, so no byte set holds `?`.
 */

/** 256 entries, 1 where the byte belongs to the set. */
export type ByteSet = Uint8Array

export type Node =
  | { readonly kind: 'byte'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  /** `max` is `Infinity` for `*`, `+` and `{m,}`. */
  | { readonly kind: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }
  /** `^`: only ever first in the pattern, `$`: only ever last, alternatives included. */
  | { readonly kind: 'start'; readonly offset: number }
  | { readonly kind: 'end'; readonly offset: number }

/** `offset` counts from 0 within the pattern, so a column is `offset + 1`. */
export interface Mistake {
  readonly offset: number
  readonly message: string
}

export type Parsed =
  | { readonly ok: true; readonly ast: Node }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] }

/** The longest pattern, in bytes it can consume without `*`; `{m,n}` multiplies. The longest documented one has 90. */
export const MAX_POSITIONS = 4096
const MAX_DEPTH = 50

const QUESTION_MARK = 0x3f

const byteSet = (holds: (byte: number) => boolean): ByteSet =>
  Uint8Array.from({ length: 256 }, (_, byte) => (byte !== QUESTION_MARK && holds(byte) ? 1 : 0))

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39
const isWord = (byte: number) =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f

/** What `.` holds. Equal sets are mostly one object, so that an automaton can tell them by identity. */
export const EVERY_BYTE = byteSet(() => true)
const SHORTHANDS: Readonly<Record<string, ByteSet>> = {
  d: byteSet(isDigit),
  D: byteSet((byte) => !isDigit(byte)),
  w: byteSet(isWord),
  W: byteSet((byte) => !isWord(byte)),
}
const LITERALS: readonly ByteSet[] = Array.from({ length: 128 }, (_, code) => byteSet((byte) => byte === code))

export const holdsEveryByte = (set: ByteSet): boolean =>
  set === EVERY_BYTE || set.every((held, byte) => held === 1 || byte === QUESTION_MARK)

/** Why an escape that other readers know is not read here, and what to write instead. */
const ESCAPE_REPAIRS: Readonly<Record<string, string>> = {
  A: '\\A is not read here: write ^',
  b: 'the word boundary \\b is not read here: write the character that stands there, or (/|$)',
  B: '\\B is not read here: write the character that stands there',
  G: '\\G is not read here: write ^',
  K: '\\K is not read here: remove it',
  k: 'a back-reference is not read here: write the alternatives out',
  s: '\\s can never match: a path holds no white space (a space is %20 on the wire)',
  S: '\\S matches every byte of a path: write .',
  x: '\\x… is not read here: write the character itself',
  u: '\\u… is not read here: write the character percent-encoded, as it stands in the path',
  z: '\\z is not read here: write $',
  Z: '\\Z is not read here: write $',
}

const GROUP_REPAIRS: readonly (readonly [prefix: string, message: string])[] = [
  ['(?=', 'look-ahead is not read here: write the rest of the path, or a rule of its own before this one'],
  ['(?!', 'negative look-ahead is not read here: put a rule for the exception before this one'],
  ['(?<=', 'look-behind is not read here: write what stands before'],
  ['(?<!', 'negative look-behind is not read here: put a rule for the exception before this one'],
  ['(?>', 'an atomic group is not read here: write (?:…)'],
  ['(?|', 'a branch reset is not read here: write (?:…)'],
  ['(?#', 'a comment is not read here: remove it'],
  ['(?P=', 'a back-reference is not read here: write the alternatives out'],
  ['(?P>', 'a recursion is not read here: write the group out'],
  ['(?R', 'a recursion is not read here: write the pattern out'],
  ['(?&', 'a recursion is not read here: write the group out'],
  ['(?(', 'a conditional is not read here: write two rules'],
]

/** Reads `pattern`. All its mistakes are told at once, as far as reading on makes sense. */
export const parsePattern = (pattern: string): Parsed => {
  const mistakes: Mistake[] = []
  const mistake = (offset: number, message: string) => void mistakes.push({ offset, message })
  let at = 0

  const parseChoice = (depth: number): Node => {
    const options = [parseSequence(depth)]
    while (pattern[at] === '|') {
      at++
      options.push(parseSequence(depth))
    }
    return options.length === 1 ? options[0]! : { kind: 'choice', options }
  }

  const parseSequence = (depth: number): Node => {
    const items: Node[] = []
    while (at < pattern.length) {
      const char = pattern[at]!
      if (char === '|' || (char === ')' && depth > 0)) break
      const offset = at
      const atom = parseAtom(depth)
      if (atom === undefined) continue
      items.push(atom.kind === 'start' || atom.kind === 'end' ? anchor(atom) : parseQuantifier(atom, offset))
    }
    return items.length === 1 ? items[0]! : { kind: 'sequence', items }
  }

  /** One atom; undefined where there is none (a mistake was noted, and reading goes on behind it). */
  const parseAtom = (depth: number): Node | undefined => {
    const offset = at
    const char = pattern[at]!
    switch (char) {
      case '(':
        return parseGroup(depth)
      case '[':
        return parseClass()
      case '.':
        at++
        return { kind: 'byte', set: EVERY_BYTE }
      case '^':
        at++
        return { kind: 'start', offset }
      case '$':
        at++
        return { kind: 'end', offset }
      case '\\': {
        const set = parseEscape()
        return set && { kind: 'byte', set }
      }
      case ')':
        at++
        mistake(offset, 'this ) closes nothing: remove it, add the missing (, or write \\)')
        return undefined
      case '*':
      case '+':
      case '?':
        at++
        mistake(offset, `nothing stands before ${char} for it to repeat${char === '*' ? ': write .*' : ''}`)
        skipQuantifierSuffix()
        return undefined
      case '{':
        return parseStrayBrace()
      case '}':
      case ']':
        at++
        mistake(offset, `this ${char} closes nothing: write \\${char} for the character itself`)
        return undefined
      default: {
        const set = literal(offset)
        return set && { kind: 'byte', set }
      }
    }
  }

  const parseStrayBrace = (): undefined => {
    const offset = at
    const template = /^\{[A-Za-z_]\w*\}/.exec(pattern.slice(at))
    if (template) {
      at += template[0].length
      mistake(offset, `${template[0]} is how the specification writes a parameter: write [^/]+`)
      return
    }
    const count = /^\{\d*,?\d*\}/.exec(pattern.slice(at))
    at += count ? count[0].length : 1
    mistake(offset, count ? `nothing stands before ${count[0]} for it to repeat` : 'write \\{ for the character itself')
  }

  /** The byte set of the literal character at `at`; steps over it, whole if it is a surrogate pair. */
  const literal = (offset: number): ByteSet | undefined => {
    const code = pattern.codePointAt(at)!
    at += code > 0xffff ? 2 : 1
    if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) {
      mistake(offset, 'a path holds no white space: remove it, or write %20 for a space')
    } else if (code < 0x20 || code === 0x7f) {
      mistake(offset, 'a path holds no control character: remove it')
    } else if (code > 0x7f) {
      const char = String.fromCodePoint(code)
      const encoded = /\p{Surrogate}/u.test(char) ? '' : `: write ${encodeURIComponent(char)}`
      mistake(offset, `a path holds ASCII only, all else is percent-encoded${encoded}`)
    } else {
      return LITERALS[code]
    }
    return undefined
  }

  const parseEscape = (): ByteSet | undefined => {
    const offset = at
    at++
    const char = pattern[at]
    if (char === undefined) {
      mistake(offset, 'the pattern ends in a backslash: remove it, or write \\\\')
      return undefined
    }
    const shorthand = SHORTHANDS[char]
    if (shorthand) {
      at++
      return shorthand
    }
    if (char === '?') {
      at++
      mistake(offset, 'a path ends before its ?: put conditions on the query under `when`')
      return undefined
    }
    if (/[1-9]/.test(char)) {
      while (/\d/.test(pattern[at] ?? '')) at++
      mistake(offset, 'a back-reference is not read here: write the alternatives out')
      return undefined
    }
    if (/[A-Za-z0]/.test(char)) {
      at++
      mistake(offset, ESCAPE_REPAIRS[char] ?? `\\${char} is not read here`)
      return undefined
    }
    return literal(at)
  }

  const parseGroup = (depth: number): Node | undefined => {
    const offset = at
    at++
    if (pattern[at] === '?') parseGroupHead(offset)
    if (depth === MAX_DEPTH) {
      mistake(offset, `groups are nested more than ${MAX_DEPTH} deep`)
      at = pattern.length
      return undefined
    }
    const node = parseChoice(depth + 1)
    if (pattern[at] === ')') at++
    else mistake(offset, 'this ( is never closed: add the missing ), or write \\(')
    return node
  }

  /** What stands between `(` and a group's content; `at` is at the `?`. Groups of other kinds are read as plain ones. */
  const parseGroupHead = (offset: number) => {
    const rest = pattern.slice(offset)
    const plain = /^\(\?(:|P?<[A-Za-z_]\w*>)/.exec(rest)
    if (plain) {
      at = offset + plain[0].length
      return
    }
    const repair = GROUP_REPAIRS.find(([prefix]) => rest.startsWith(prefix))
    const flags = /^\(\?[a-zA-Z^-]+:?/.exec(rest)
    if (repair) {
      at = offset + repair[0].length
      mistake(offset, repair[1])
    } else if (flags) {
      at = offset + flags[0].length
      mistake(
        offset,
        `flags are not read here: remove them${flags[0].includes('i') ? ', paths of Matrix are case-sensitive' : ''}`,
      )
    } else {
      at = offset + 2
      mistake(offset, 'this kind of group is not read here: write (…) or (?:…)')
    }
  }

  const parseClass = (): Node | undefined => {
    const offset = at
    at++
    const negated = pattern[at] === '^'
    if (negated) at++
    const held = new Uint8Array(256)
    const mistakesBefore = mistakes.length
    if (pattern[at] === ']') {
      mistake(
        at,
        `${negated ? 'matches any character, or a literal ]' : 'an empty class, or a literal ]'}: write ${
          negated ? '. or [^\\]…]' : '\\] for the character itself'
        }`,
      )
      at++
    }
    for (;;) {
      if (at >= pattern.length) {
        mistake(offset, 'this [ is never closed: add the missing ], or write \\[')
        return undefined
      }
      if (pattern[at] === ']') break
      parseClassItem(held)
    }
    at++
    if (mistakes.length > mistakesBefore) return { kind: 'byte', set: EVERY_BYTE }
    return { kind: 'byte', set: byteSet((byte) => (held[byte] === 1) !== negated) }
  }

  const parseClassItem = (held: Uint8Array) => {
    const offset = at
    const posix = /^\[([:.=])[^\]]*\1\]/.exec(pattern.slice(at))
    if (posix) {
      at += posix[0].length
      const repair = { '[:alnum:]': ': write A-Za-z0-9', '[:alpha:]': ': write A-Za-z', '[:digit:]': ': write 0-9' }
      mistake(offset, `${posix[0]} is not read here${(repair as Record<string, string>)[posix[0]] ?? ''}`)
      return
    }
    const from = parseClassByte()
    if (pattern[at] !== '-' || at + 1 >= pattern.length || pattern[at + 1] === ']') {
      if (from) for (let byte = 0; byte < 256; byte++) held[byte]! |= from[byte]!
      return
    }
    at++
    const to = parseClassByte()
    if (!from || !to) return
    const [low, high] = [from, to].map((set) => (LITERALS.includes(set) ? set.indexOf(1) : -1)) as [number, number]
    const range = pattern.slice(offset, at)
    if (low < 0 || high < 0) mistake(offset, `${range} is no range: write \\- for a literal hyphen`)
    else if (low > high) mistake(offset, `the range ${range} is the wrong way round: write ${range[2]}-${range[0]}`)
    else held.fill(1, low, high + 1)
  }

  /** `?` inside a class is harmless (`[^?]`), if without effect. */
  const parseClassByte = (): ByteSet | undefined => {
    const question = pattern[at] === '?' ? 1 : pattern.startsWith('\\?', at) ? 2 : 0
    at += question
    if (question > 0) return LITERALS[QUESTION_MARK]
    return pattern[at] === '\\' ? parseEscape() : literal(at)
  }

  const parseQuantifier = (item: Node, itemOffset: number): Node => {
    const offset = at
    const char = pattern[at]
    let bounds: readonly [min: number, max: number]
    if (char === '*' || char === '+' || char === '?') {
      at++
      bounds = [char === '+' ? 1 : 0, char === '?' ? 1 : Number.POSITIVE_INFINITY]
    } else if (char === '{') {
      const count = /^\{(\d*)(,?)(\d*)\}/.exec(pattern.slice(at))
      if (!count || (count[1] === '' && count[3] === '')) return item // parseAtom tells what is wrong with the brace.
      at += count[0].length
      if (count[1] === '')
        mistake(offset, `${count[0]} is read differently by different readers: write {0,${count[3]}}`)
      const min = Number(count[1])
      bounds = [min, count[2] === '' ? min : count[3] === '' ? Number.POSITIVE_INFINITY : Number(count[3])]
      if (bounds[0] > bounds[1]) mistake(offset, `${count[0]} asks for at least ${min} and at most ${bounds[1]}`)
    } else {
      return item
    }
    skipQuantifierSuffix()
    const repeat: Node = { kind: 'repeat', item, min: bounds[0], max: bounds[1] }
    if (positions(repeat) <= MAX_POSITIONS) return repeat
    mistake(itemOffset, `too large: ${pattern.slice(offset, at)} multiplies it to more than ${MAX_POSITIONS} bytes`)
    return item
  }

  /** What may follow a quantifier: `?` (lazy: the same language); a `+` or a second quantifier is a mistake. */
  const skipQuantifierSuffix = () => {
    if (pattern[at] === '?') at++
    const offset = at
    const more = /^(?:[*+?]|\{\d*,?\d*\})+/.exec(pattern.slice(at))
    if (!more) return
    at += more[0].length
    const possessive = more[0] === '+' && pattern[offset - 1] !== '?'
    mistake(
      offset,
      possessive
        ? 'a possessive quantifier is not read here: remove this +'
        : `${more[0]} follows a quantifier: remove one of them, or put what is to be repeated in a group`,
    )
  }

  /** An anchor cannot be repeated. */
  const anchor = (node: Node & { offset: number }): Node => {
    const more = /^(?:[*+?]|\{\d+,?\d*\})+/.exec(pattern.slice(at))
    if (more) {
      mistake(at, `${pattern[node.offset]} cannot be repeated: remove ${more[0]}`)
      at += more[0].length
    }
    return node
  }

  const modifier = /^(~\*|\^~|~|=)\s+/.exec(pattern)
  if (modifier) {
    at = modifier[0].length
    const repair = {
      '~': 'remove it',
      '~*': 'remove it; paths of Matrix are case-sensitive',
      '^~': 'write ^ before the path',
      '=': 'write ^ before the path and $ behind it',
    }[modifier[1]!]
    mistake(0, `${modifier[1]} is a modifier of nginx's location, not part of the pattern: ${repair}`)
  }
  if (pattern === '') mistake(0, 'an empty pattern matches every path: write ^/ if that is meant')
  const ast = parseChoice(0)
  for (const { offset, kind } of misplacedAnchors(ast, true, true)) {
    mistake(
      offset,
      kind === 'start'
        ? '^ stands where a path cannot begin: write \\^ for the character itself, or remove it'
        : '$ stands where a path cannot end: write \\$ for the character itself, or remove it',
    )
  }
  if (mistakes.length === 0 && positions(ast) > MAX_POSITIONS) {
    mistake(0, `too large: more than ${MAX_POSITIONS} bytes`)
  }
  if (mistakes.length > 0) return { ok: false, mistakes: mistakes.sort((a, b) => a.offset - b.offset) }
  return { ok: true, ast }
}

/** How many byte positions the pattern has once `{m,n}` is written out: what it costs in an automaton. */
const positions = (node: Node): number => {
  switch (node.kind) {
    case 'byte':
    case 'start':
    case 'end':
      return 1
    case 'sequence':
      return node.items.reduce((sum, item) => sum + positions(item), 0)
    case 'choice':
      return node.options.reduce((sum, option) => sum + positions(option), 1)
    case 'repeat':
      // An empty item costs as well: (a{0}){9999} is written out 9999 times.
      return (1 + positions(node.item)) * Math.max(1, node.max === Number.POSITIVE_INFINITY ? node.min : node.max)
  }
}

const misplacedAnchors = (node: Node, first: boolean, last: boolean): (Node & { kind: 'start' | 'end' })[] => {
  switch (node.kind) {
    case 'byte':
      return []
    case 'start':
      return first ? [] : [node]
    case 'end':
      return last ? [] : [node]
    case 'sequence':
      return node.items.flatMap((item, i) =>
        misplacedAnchors(item, first && i === 0, last && i === node.items.length - 1),
      )
    case 'choice':
      return node.options.flatMap((option) => misplacedAnchors(option, first, last))
    case 'repeat':
      return misplacedAnchors(node.item, first && node.max <= 1, last && node.max <= 1)
  }
}
