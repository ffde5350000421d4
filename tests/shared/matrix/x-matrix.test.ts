import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KeyId, ServerName } from '../../../shared/matrix/ids.ts'
import { parseXMatrix, writeXMatrix, type XMatrix } from '../../../shared/matrix/x-matrix.ts'

const sample: XMatrix = {
  origin: 'origin.hs.example.com' as ServerName,
  destination: 'destination.hs.example.com' as ServerName,
  key: 'ed25519:key1' as KeyId,
  signature: 'ABCDEF...',
}
const header =
  'X-Matrix origin="origin.hs.example.com",destination="destination.hs.example.com",key="ed25519:key1",sig="ABCDEF..."'

test('the example of the specification is written and read', () => {
  assert.equal(writeXMatrix(sample), header)
  assert.deepEqual(parseXMatrix(header), { ok: true, value: sample })
})

test('without destination, as before Matrix 1.3', () => {
  const old = { ...sample, destination: undefined }
  assert.equal(writeXMatrix(old), header.replace('destination="destination.hs.example.com",', ''))
  assert.deepEqual(parseXMatrix(writeXMatrix(old)), { ok: true, value: old })
})

test('whatever RFC 9110 and older servers write is read', () => {
  const value = { origin: 'a.example:8448', destination: 'b', key: 'ed25519:1', signature: 'x+/y' }
  for (const written of [
    'X-Matrix origin=a.example:8448,destination=b,key=ed25519:1,sig="x+/y"',
    'x-mAtRiX   ORIGIN="a.example:8448", \t Key="ed25519:1"\t,destination="b" ,sig="x+/y"',
    'X-Matrix origin = "a.example:8448",destination= b,key ="ed25519:1",sig="x+/y"',
    'X-Matrix ,origin=a.example:8448,,destination=b,key=ed25519:1, ,sig="x+/y",',
    'X-Matrix origin="\\a.\\example:8448",destination="b",key="ed25519\\:1",sig="x+\\/y"',
    'X-Matrix origin=a.example:8448,destination=b,key=ed25519:1,sig=x+/y',
    'X-Matrix extra="a, \\"b\\" =",__proto__=x,origin=a.example:8448,destination=b,key=ed25519:1,sig="x+/y"',
    '  X-Matrix origin=a.example:8448,destination=b,key=ed25519:1,sig=x+/y ',
  ])
    assert.deepEqual(parseXMatrix(written), { ok: true, value }, written)
  assert.deepEqual(parseXMatrix('X-Matrix origin=[::1]:8448,key=ed25519:a_b,sig=x=='), {
    ok: true,
    value: { origin: '[::1]:8448', destination: undefined, key: 'ed25519:a_b', signature: 'x==' },
  })
})

test('the rest is refused', () => {
  const missing = 'X-Matrix has not all of origin, key and sig'
  for (const [written, reason] of [
    ['', 'the Authorization header is not X-Matrix'],
    ['Bearer syt_x', 'the Authorization header is not X-Matrix'],
    ['X-Matrix', 'the Authorization header is not X-Matrix'],
    ['X-Matrixorigin=a', 'the Authorization header is not X-Matrix'],
    ['X-Matrix\torigin=a', 'the Authorization header is not X-Matrix'],
    ['X-Matrix ', missing],
    ['X-Matrix origin=a,key=ed25519:1', missing],
    ['X-Matrix origin=a,key=ed25519:1,sig=""', missing],
    ['X-Matrix origin=a,sig=x', missing],
    ['X-Matrix key=ed25519:1,sig=x', missing],
    ['X-Matrix origin=a,Origin=b,key=ed25519:1,sig=x', 'X-Matrix: origin occurs twice'],
    ['X-Matrix origin=a,key=ed25519:1,sig=x,extra=1,EXTRA=1', 'X-Matrix: extra occurs twice'],
    ['X-Matrix origin=a b,key=ed25519:1,sig=x', 'X-Matrix: no parameter at offset 9'],
    ['X-Matrix origin="a,key=ed25519:1,sig=x', 'X-Matrix: no parameter at offset 9'],
    ['X-Matrix origin="a"b,key=ed25519:1,sig=x', 'X-Matrix: no parameter at offset 9'],
    ['X-Matrix origin="a\\', 'X-Matrix: no parameter at offset 9'],
    ['X-Matrix origin="a\n"', 'X-Matrix: no parameter at offset 9'],
    ['X-Matrix origin=a;key=ed25519:1;sig=x', missing],
    ['X-Matrix origin=,key=ed25519:1,sig=x', 'X-Matrix: no parameter at offset 9'],
    ['X-Matrix origin,key=ed25519:1,sig=x', 'X-Matrix: no parameter at offset 9'],
    ['X-Matrix origin="a_b",key=ed25519:1,sig=x', 'X-Matrix: origin is not a server name'],
    ['X-Matrix origin="",key=ed25519:1,sig=x', 'X-Matrix: origin is not a server name'],
    ['X-Matrix origin=a,destination="",key=ed25519:1,sig=x', 'X-Matrix: destination is not a server name'],
    ['X-Matrix origin=a,key=ed25519,sig=x', "X-Matrix: key ID is not an algorithm, ':' and a version"],
  ] as const)
    assert.deepEqual(parseXMatrix(written), { ok: false, reason }, written)
})

test('what is written is read back', () => {
  const serverName = fc
    .domain()
    .chain((name) => fc.constantFrom(name, `${name}:8448`, '[::1]', '1.2.3.4:80')) as fc.Arbitrary<ServerName>
  const printable = fc.string({ unit: 'grapheme-ascii', minLength: 1 })
  const value = fc.record(
    {
      origin: serverName,
      destination: fc.option(serverName, { nil: undefined }),
      key: printable.map((version) => `ed25519:${version}` as KeyId),
      signature: printable,
    },
    { noNullPrototype: true },
  )
  fc.assert(fc.property(value, (value) => assert.deepEqual(parseXMatrix(writeXMatrix(value)), { ok: true, value })))
})

test('no header makes it throw, long ones neither', () => {
  const piece = fc.constantFrom(
    'X-Matrix ',
    'origin',
    'key',
    'sig',
    '=',
    ',',
    '"',
    '\\',
    ' ',
    '\t',
    'a',
    ':',
    '\u00e9',
    '\0',
  )
  fc.assert(fc.property(fc.string({ unit: piece }), (text) => typeof parseXMatrix(text).ok === 'boolean'))
  fc.assert(fc.property(fc.string({ unit: piece }), (text) => typeof parseXMatrix(`X-Matrix ${text}`).ok === 'boolean'))
  for (const part of ['a', ' ', ',', ' ,', '\\"', 'a=b,', '\\\\'])
    for (const start of ['X-Matrix ', 'X-Matrix a=', 'X-Matrix a="']) parseXMatrix(start + part.repeat(50_000))
})
