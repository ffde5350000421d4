import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from '../../worker/cli.ts'
import { BASE, WORKER } from './config/reading.ts'

const cli = async (...args: readonly string[]) => {
  let [out, err] = ['', '']
  const status = await runCli(args, {
    version: '1.2.3',
    surroundings: { env: {} },
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { status, out, err }
}

const folderOf = (t: TestContext, files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'worker-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return (name: string) => join(folder, name)
}

test('check: 0 where nothing is wrong, 1 on errors, and with --strict on warnings', async (t) => {
  const at = folderOf(t, {
    'good.yaml': BASE,
    'note.yaml': 'report_stats: false\n',
    'warning.yaml': 'caches: {global_factor: 2.0}\n',
    'error.yaml': 'bcrypt_rounds: 99\n',
  })
  const check = (...names: readonly string[]) =>
    cli('check', ...names.flatMap((name) => (name.startsWith('-') ? [name] : ['-c', at(name)])))
  assert.deepEqual(await check('good.yaml'), { status: 0, out: '', err: `${at('good.yaml')}: nothing wrong\n` })
  const noted = await check('good.yaml', 'note.yaml', '--strict')
  assert.deepEqual(
    [noted.status, noted.err],
    [
      0,
      `${at('note.yaml')}:1:15: note: report_stats: has no effect: nothing is reported to anyone\n${at('note.yaml')}: nothing wrong\n`,
    ],
  )
  assert.equal((await check('good.yaml', 'warning.yaml')).status, 0)
  const strict = await check('good.yaml', 'warning.yaml', '--strict')
  assert.deepEqual([strict.status, strict.err.split('\n').at(-2)], [1, `${at('warning.yaml')}: 0 errors, 1 warning`])
  const failed = await check('good.yaml', 'error.yaml', '--json')
  assert.equal(failed.status, 1)
  assert.deepEqual(JSON.parse(failed.out), [
    {
      severity: 'error',
      file: at('error.yaml'),
      line: 1,
      column: 16,
      key: 'bcrypt_rounds',
      message: 'expected a number from 4 to 31, got "99"',
    },
  ])
})

test('Synapse’s flags, in their order, before or after the command', async (t) => {
  const at = folderOf(t, { 'hs.yaml': BASE, 'w.yaml': WORKER, 'later.yaml': 'worker_name: w2\n' })
  for (const args of [
    ['check', '--roles', '-c', at('hs.yaml'), '--config', at('w.yaml'), '--config-path', at('later.yaml')],
    ['--config-path', at('hs.yaml'), '-c', at('w.yaml'), '--config-path', at('later.yaml'), 'check', '--roles'],
  ]) {
    const { status, err } = await cli(...args)
    assert.deepEqual([status, err], [0, `w2 (generic_worker): serves nothing\n${at('later.yaml')}: nothing wrong\n`])
  }
})

test('check --workers judges the deployment', async (t) => {
  const at = folderOf(t, {
    'hs.yaml': `${BASE}redis: {enabled: true}\ninstance_map: {main: {host: localhost, port: 9093}}\n`
      .replace('[client, federation]}]}', '[client, federation, replication]}]}')
      .replace('9093', '8008'),
    'w1.yaml': 'worker_app: synapse.app.generic_worker\nworker_name: a\n',
    'w2.yaml': 'worker_app: synapse.app.generic_worker\nworker_name: a\n',
  })
  const one = await cli('check', '-c', at('hs.yaml'), '-w', at('w1.yaml'))
  assert.deepEqual([one.status, one.err], [0, '2 processes: nothing wrong\n'])
  const two = await cli('check', '-c', at('hs.yaml'), '-w', at('w*.yaml'))
  assert.equal(two.status, 1)
  assert.match(
    two.err,
    /w2\.yaml:2:14: worker_name: a is also the name in .*w1\.yaml.*\n3 processes: 1 error, 0 warnings\n$/,
  )
})

test('check --listen tries the addresses', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const listener = (where: string) => `{${where}, type: http, resources: [{names: [client]}]}`
  const at = folderOf(t, {})
  writeFileSync(
    at('hs.yaml'),
    `${BASE.replace(/listeners: .*\n/, '')}listeners: [${listener(`port: ${port}, bind_addresses: [127.0.0.1]`)}, ${listener('port: 0')}, ${listener(`path: ${at('free.sock')}`)}, ${listener(`path: ${at('none/a.sock')}`)}, ${listener('port: 0, bind_addresses: [192.0.2.1]')}]\n`,
  )
  assert.equal((await cli('check', '-c', at('hs.yaml'))).status, 0)
  const { status, err } = await cli('check', '-c', at('hs.yaml'), '--listen')
  assert.equal(status, 1)
  assert.deepEqual(
    err
      .split('\n')
      .map((line) => line.replace(/^.*?: (?=listeners)/, ''))
      .slice(0, -2),
    [
      `listeners[0]: 127.0.0.1:${port} is in use`,
      `listeners[3]: unix:${at('none/a.sock')} lies in a folder that is not there`,
      'listeners[4]: 192.0.2.1:0 is no address of this machine',
    ],
  )
})

test('what cannot be done is said, with what can', async (t) => {
  const at = folderOf(t, { 'hs.yaml': BASE, 'broken.yaml': 'report_stats: false\n' })
  for (const [args, message] of [
    [[], /^error: no configuration: name homeserver\.yaml with --config\n/],
    [['chek'], /^error: unknown command 'chek'\n\(Did you mean check\?\)/],
    [['check', '-c', at('none.yaml')], /^error: .*none\.yaml: no such file\n/],
    [['check', '-c', at('hs.yaml'), '-w', at('none/*')], /^error: --workers .*: no such file\n/],
    [['-c', at('broken.yaml')], /broken\.yaml: server_name: missing/],
  ] as const) {
    const { status, err } = await cli(...args)
    assert.equal(status, 1, args.join(' '))
    assert.match(err, message)
  }
  assert.match((await cli('--help')).out, /^Usage: worker --config homeserver\.yaml/)
  assert.equal((await cli('--version')).out, '1.2.3\n')
})

test('bin/worker.js runs it, with the environment of libpq', (t) => {
  const at = folderOf(t, { 'hs.yaml': BASE })
  const launcher = join(import.meta.dirname, '../../bin/worker.js')
  const { status, stderr } = spawnSync(process.execPath, [launcher, 'check', '-c', at('hs.yaml')], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [0, `${at('hs.yaml')}: nothing wrong\n`])
})
