import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { appservicesOf } from '../../../worker/config/appservices.ts'
import { patternOf } from '../../../worker/config/python-patterns.ts'
import { makeAppservices } from '../../../worker/users/appservices.ts'

const bridge = {
  id: 'bridge',
  url: 'https://bridge.test/',
  as_token: 'as',
  hs_token: 'hs',
  sender_localpart: 'bridge',
  namespaces: {
    users: [{ regex: '@irc_.*:a\\.test', exclusive: true }],
    aliases: [{ regex: '#irc_', exclusive: true }],
  },
  ip_range_whitelist: ['10.0.0.0/8', '::1'],
}

function read(t: TestContext, ...contents: readonly (object | string)[]) {
  const folder = mkdtempSync(join(tmpdir(), 'as-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const files = contents.map((content, i) => {
    const file = join(folder, `${i}.yaml`)
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return file
  })
  const told: string[] = []
  const tell = (path: string, message: string) =>
    told.push(`${path}: ${message.replace(`${folder}/`, '').replaceAll(`${folder}/`, '')}`)
  const found = appservicesOf(files, 'a.test', { error: tell, warn: tell, note: tell, has: () => true })
  return { found, told }
}

test('a registration is read', (t) => {
  const { found, told } = read(t, bridge)
  assert.deepEqual(told, [])
  const [appservice] = found
  assert.equal(appservice!.url, 'https://bridge.test')
  assert.equal(appservice!.sender, '@bridge:a.test')
  assert.equal(appservice!.isRateLimited, true)

  const known = makeAppservices(found)
  assert.equal(known.byToken('as'), appservice)
  assert.ok(known.mayAskFrom(appservice!, '10.1.2.3') && known.mayAskFrom(appservice!, '::1'))
  assert.ok(!known.mayAskFrom(appservice!, '11.1.2.3') && !known.mayAskFrom(appservice!, 'unix'))
  assert.ok(known.isTheirs(appservice!, '@irc_x:a.test') && known.isTheirs(appservice!, '@bridge:a.test'))
  // From the beginning on.
  assert.ok(!known.isTheirs(appservice!, '@x@irc_x:a.test'))
  assert.throws(() => known.mustNotBeReserved('@irc_x:a.test'), { errcode: 'M_EXCLUSIVE' })
  known.mustNotBeReserved('@irc_x:a.test', appservice)
  assert.ok(known.isAliasReserved('#irc_y:a.test', '@alice:a.test' as never))
  assert.ok(!known.isAliasReserved('#irc_y:a.test', '@bridge:a.test' as never))
})

test('all that is wrong in a registration is told', (t) => {
  const { found, told } = read(
    t,
    {
      ...bridge,
      id: 'a|b',
      as_token: 1,
      url: undefined,
      sender_localpart: 'b c',
      namespaces: { users: [{ regex: '(' }], rooms: {} },
    },
    'no: [yaml',
    { ...bridge, namespaces: { users: [{ regex: '(', exclusive: true }] }, ip_range_whitelist: ['10.0.0.0/33'] },
    bridge,
    { ...bridge, url: null },
  )
  assert.deepEqual(
    told.map((line) => line.replace(/regular expression.*/, 'regular expression').replace(/1\.yaml: .*/, '1.yaml: …')),
    [
      "app_service_config_files[0]: 0.yaml: id: must not have a '|'",
      'app_service_config_files[0]: 0.yaml: sender_localpart: has characters that would have to be encoded in a URL',
      'app_service_config_files[0]: 0.yaml: url: must be text, or null where nothing is to be sent',
      'app_service_config_files[0]: 0.yaml: as_token: must be text',
      'app_service_config_files[0]: 0.yaml: namespaces.users[0]: must have a text regex, and exclusive, which is true or false',
      'app_service_config_files[0]: 0.yaml: namespaces.rooms: must be a list',
      'app_service_config_files[1]: 1.yaml: …',
      'app_service_config_files[2]: 2.yaml: ip_range_whitelist: 10.0.0.0/33 is no address and no CIDR',
      'app_service_config_files[2]: 2.yaml: namespaces.users[0].regex: is no regular expression',
      'app_service_config_files[4]: 4.yaml: id bridge is also the id in 3.yaml',
      'app_service_config_files[4]: 4.yaml: the as_token is also the one in 3.yaml',
    ],
  )
  assert.equal(found.length, 2)
})

test('regular expressions are Python’s', () => {
  for (const [python, text, matches] of [
    ['@a_.*', '@a_b', true],
    ['@a_.*', 'x@a_b', false],
    ['(?i)@A_', '@a_', true],
    ['(?P<name>a)(?P=name)', 'aa', true],
    ['a|b\\Z', 'ac', true],
    ['(?:a|b)\\Z', 'ac', false],
    ['\\A@', '@', true],
  ] as const) {
    const pattern = patternOf(python)
    assert.ok(pattern instanceof RegExp)
    assert.equal(pattern.test(text), matches, `${python} ${text}`)
  }
  assert.ok('mistake' in patternOf('('))
})
