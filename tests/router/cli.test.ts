import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from '../../router/cli.ts'
import { tables } from './config/tables.ts'

const FIXTURE = join(import.meta.dirname, 'config/fixtures/specialised')
const GOOD = 'listen: [http://127.0.0.1:8080]\nadmin: http://127.0.0.1:9180\npools: {main: {workers: [a:1]}}\n'

const cli = async (...args: readonly string[]) => {
  let out = ''
  let err = ''
  const ran: unknown[] = []
  const status = await runCli(args, {
    version: '1.2.3',
    tables,
    privileged: false,
    decide: (_config, rules) => ({
      exposure: { needs: 'client', allowed: true },
      ...(rules[0] && { rule: rules[0] }),
      alsoMatching: [],
      pools: [],
    }),
    run: async (options) => {
      ran.push(options)
      return 0
    },
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { status, out, err, ran }
}
const fileOf = (t: TestContext, text: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'routes.yaml')
  writeFileSync(file, text)
  return file
}

test('without a command it runs', async () => {
  assert.deepEqual((await cli()).ran, [{ routes: 'routes.yaml' }])
  assert.deepEqual((await cli('--routes', 'x')).ran, [{ routes: 'x' }])
})

for (const [args, message] of [
  [['chekc'], "error: unknown command 'chekc'\n(Did you mean check?)\n"],
  [['--rotues', 'x'], "error: unknown option '--rotues'\n(Did you mean --routes?)\n"],
  [['check', '--strct'], "error: unknown option '--strct'\n(Did you mean --strict?)\n"],
  [['explain'], "error: missing required argument 'request'\n"],
  [['explain', '/a'], "error: expected a method before the path: 'GET /a'\n"],
  [['explain', 'GET /a', '-H', 'x'], 'error: expected a header such as \'Authorization: Bearer …\', got "x"\n'],
  [
    ['explain', 'GET /a', '--client', 'a.example.org'],
    "error: option '--client <address>' argument 'a.example.org' is invalid. Expected an IPv4 or IPv6 address.\n",
  ],
  [
    ['table', '--synapse', 'x'],
    "error: option '--synapse <release>' argument 'x' is invalid. Expected a Synapse release such as '1.163', or auto.\n",
  ],
  [['import', '-c', '/nowhere'], 'error: /nowhere: no such file\n'],
  [['import', '-c', '/nowhere', '-w', '/nowhere/*'], 'error: --workers /nowhere/*: no such file\n'],
] as const)
  test(`refuses: router ${args.join(' ')}`, async () => {
    const { status, err, out, ran } = await cli(...args)
    assert.equal(err.startsWith(message), true, err)
    assert.deepEqual({ status, out, ran }, { status: 1, out: '', ran: [] })
  })

test('help and version go to standard output, and are no failure', async () => {
  assert.deepEqual((await cli('--version')).out, '1.2.3\n')
  for (const command of [[], ['check'], ['explain'], ['table'], ['import']]) {
    const { status, out } = await cli(...command, '--help')
    assert.equal(status, 0)
    assert.match(out, /Examples:\n {2}\$ router/)
    assert.match(out, /--routes <file>/)
    assert.deepEqual(await cli('help', ...command), { status: 0, out, err: '', ran: [] })
  }
})

test('check: status 1 on errors, 0 with warnings unless they are to fail', async (t) => {
  const file = fileOf(t, GOOD)
  assert.deepEqual(await cli('check', '--routes', file), {
    status: 0,
    out: '',
    err: `${file}: nothing wrong\n`,
    ran: [],
  })
  writeFileSync(file, GOOD.replace(/admin.*\n/, ''))
  const warned = `${file}:1:1: warning: admin: absent: no metrics, no health of the router itself, no draining of workers\n${file}: 0 errors, 1 warning\n`
  assert.deepEqual(await cli('--routes', file, 'check'), { status: 0, out: '', err: warned, ran: [] })
  assert.deepEqual(await cli('check', '--strict', '-r', file), { status: 1, out: '', err: warned, ran: [] })
  writeFileSync(file, `${GOOD}x: 1\n`)
  const { status, err } = await cli('check', '-r', file)
  assert.equal(status, 1)
  assert.match(err, /routes\.yaml:4:1: x: unknown key: .*\n.*: 1 error, 0 warnings\n$/)
  assert.equal((await cli('table', '-r', file)).status, 1)
})

test('table prints the built-in rules for the pools there are, or the file’s own', async (t) => {
  const file = fileOf(t, GOOD.replace('{main: {workers: [a:1]}}', '{main: {workers: [a:1]}, sync: {workers: [a:2]}}'))
  const { out } = await cli('table', '-r', file)
  assert.match(out, /^POOL +METHODS +MATCH +WHEN +NAME\nsync +GET +\^\/_matrix\/client\/v3\/sync\$ +sync\n/)
  const parsed = JSON.parse((await cli('table', '-r', file, '--json')).out)
  assert.deepEqual(parsed[0], {
    pool: 'sync',
    methods: ['GET'],
    match: '^/_matrix/client/v3/sync$',
    when: null,
    name: 'sync',
    sticky: null,
    place: null,
  })
  writeFileSync(
    file,
    `${GOOD}routes: [{pool: main, match: ^/a, when: {initial_sync: true, query: {from: false, dir: b}}}]\n`,
  )
  const own = (await cli('table', '-r', file)).out
  assert.match(own, /\nmain +any +\^\/a +initial sync, no \?from, \?dir=b +.*routes\.yaml:4\n/)
})

test('explain asks the decision that it is given', async (t) => {
  const file = fileOf(t, GOOD)
  const { status, out } = await cli(
    'explain',
    '-r',
    file,
    '-H',
    'Authorization: Bearer hunter2',
    'GET /x?access_token=hunter2',
  )
  assert.equal(status, 0)
  assert.match(
    out,
    /^GET \/x\?access_token=<redacted>\n {2}listener {3}http:\/\/127\.0\.0\.1:8080 exposes client, federation\n/,
  )
  const json = (await cli('explain', '-r', file, '--json', '-H', 'Authorization: Bearer hunter2', 'GET /x')).out
  assert.deepEqual(JSON.parse(json).request.headers, ['Authorization: Bearer <redacted>'])
  const beyond = await cli('explain', '-r', file, '--listener', '1', 'GET /x')
  assert.match(beyond.err, /^error: --listener 1: there are 1, the first is 0/)
})

test('import reads folders as Synapse does: their *.yaml in order, files of comments too', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'import-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const part of ['conf.d/x.yaml', 'workers']) mkdirSync(join(folder, part), { recursive: true })
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  write(
    'homeserver.yaml',
    'server_name: a.example.org\nlisteners: [{path: /run/m.sock, type: http, resources: [{names: [client, federation]}]}]\n',
  )
  write('conf.d/a.yaml', 'server_name: b.example.org\n')
  write('conf.d/b.yaml', '# nothing yet\n')
  write('conf.d/c.yaml.bak', 'server_name: c.example.org\n')
  write('workers/one.yaml', 'worker_name: one\n')
  write('workers/README', 'no YAML: {')
  const args = [
    'import',
    '-c',
    join(folder, 'homeserver.yaml'),
    '-c',
    join(folder, 'conf.d'),
    '-w',
    join(folder, 'workers'),
  ]
  const { status, out } = await cli(...args)
  assert.equal(status, 0)
  assert.match(out, /^server_name: b\.example\.org$/m)
  assert.match(out, /^# {3}one, .*one\.yaml$/m)
  const empty = await cli('import', '-c', join(folder, 'conf.d/x.yaml'))
  assert.match(empty.err, /^error: .*x\.yaml: no \*\.yaml in it\n/)
})

test('import writes to standard output, or to a file that is not there yet', async (t) => {
  const file = fileOf(t, '')
  const args = [
    'import',
    '-c',
    join(FIXTURE, 'homeserver.yaml'),
    '-c',
    join(FIXTURE, 'extra.yaml'),
    '--workers',
    join(FIXTURE, 'workers/*.yaml'),
  ]
  const { status, out } = await cli(...args)
  assert.equal(status, 0)
  assert.match(out, /^# Made by router import/)
  const refused = await cli(...args, '-o', file)
  assert.equal(refused.status, 1)
  assert.match(refused.err, /is there already; --force overwrites it/)
  assert.equal((await cli(...args, '-o', file, '--force')).status, 0)
  assert.equal(readFileSync(file, 'utf8'), out)
  assert.equal((await cli('check', '-r', file)).status, 0)
})
