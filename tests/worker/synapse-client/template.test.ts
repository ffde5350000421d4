import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTemplate } from '../../../worker/synapse-client/template.ts'

test('names are filled in, as text', () => {
  assert.equal(
    parseTemplate('<b title="{{ user }}">{{user}}</b>{# not shown #}{{ other }}')({ user: '<&">' }),
    '<b title="&lt;&amp;&quot;&gt;">&lt;&amp;&quot;&gt;</b>',
  )
})

test('conditions are those of Jinja, one in another', () => {
  const page = parseTemplate(
    '{% if has_consented %}thanks{% else %}please{% if not public_version %} {{ user }}{% endif %}{% endif %}.',
  )
  assert.equal(page({ has_consented: true }), 'thanks.')
  assert.equal(page({ public_version: true, user: 'a' }), 'please.')
  assert.equal(page({ user: 'a' }), 'please a.')
  const both = parseTemplate('{%- if a and not b or c -%}yes{% endif %}')
  assert.deepEqual(
    [{ a: true }, { a: true, b: true }, { a: true, b: true, c: true }, {}].map((values) => both(values)),
    ['yes', '', 'yes', ''],
  )
})

test('what is not understood is refused', () => {
  for (const source of ['{% for a in b %}', '{{ a.b }}', '{% if a %}', '{% if a > 1 %}{% endif %}', '{% endif %}'])
    assert.throws(() => parseTemplate(source), Error, source)
})
