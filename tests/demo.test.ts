/** `npm run demo`, as its reader meets it. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

const demo = join(import.meta.dirname, '../bench/demo.ts')
const FIXTURE = join(import.meta.dirname, 'router/config/fixtures/mas')
const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Starts it as npm does from `folder`, and waits until it has printed `until`. */
const start = async (t: TestContext, folder: string, args: readonly string[], until: RegExp) => {
  const child = spawn(process.execPath, [demo, '--port', '0', ...args], {
    env: { ...process.env, INIT_CWD: folder, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part) => {
      text += part
    })
  while (!until.test(text)) {
    assert.equal(child.exitCode, null, text)
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  }
  return { child, text, url: /http:\/\/127\.0\.0\.1:\d+/.exec(text)![0] }
}

test('the demonstration does what it says, and leaves nothing', async (t) => {
  const folder = folderOf(t)
  const { child, text, url } = await start(t, folder, [], /Ctrl-C stops all/)
  assert.match(text, /^THIS IS A DEMONSTRATION/)
  const routesFile = /--routes (\S+)/.exec(text)![1]!
  const sync = await fetch(`${url}/_matrix/client/v3/sync?since=s1`, {
    headers: { authorization: 'Bearer syt_YWxpY2U_x_y' },
  })
  assert.match(((await sync.json()) as { worker: string }).worker, /^sync\d$/)
  const metrics = await fetch(/curl -s (\S+\/metrics)/.exec(text)![1]!)
  assert.match(await metrics.text(), /router_worker_requests_total\{pool="sync"/)
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.equal(existsSync(routesFile), false)
})

test('in front of a deployment, its files named from where npm was called', async (t) => {
  const folder = folderOf(t)
  cpSync(FIXTURE, join(folder, 'synapse'), { recursive: true })
  mkdirSync(join(folder, 'synapse/conf.d'))
  writeFileSync(join(folder, 'synapse/conf.d/name.yaml'), 'server_name: conf.d.example.org\n')
  const args = ['--homeserver', 'synapse/homeserver.yaml', '--homeserver', 'synapse/conf.d', '--routes', 'made.yaml']
  const { child } = await start(t, folder, args, /Ctrl-C stops\./)
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.equal(existsSync(join(folder, 'made.yaml')), true)
})

for (const [args, message] of [
  [['--prot', '1'], "Unknown option '--prot'"],
  [['--port'], "Option '--port <value>' argument missing"],
  [['--port', 'x'], '--port x: expected a number from 0 to 65535'],
  [['--workers', 'x'], '--workers needs --homeserver'],
  [['--homeserver', '/nowhere'], '/nowhere: no such file'],
  [['--homeserver', join(FIXTURE, 'homeserver.yaml'), '--workers', 'x/*'], '--workers x/*: no such file'],
  [['--routes', demo], `--routes ${demo}: is there already. To run it: npx router --routes ${demo}`],
] as const)
  test(`refuses: npm run demo -- ${args.map((arg) => (arg.startsWith('/') ? '…' : arg)).join(' ')}`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [demo, ...args], { encoding: 'utf8' })
    assert.equal(stderr.split('\n')[0], message)
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' })
  })
