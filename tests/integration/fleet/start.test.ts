/** `npm start`, as its user meets it. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { logIn } from '../../harness/matrix-client.ts'
import { treeOf } from '../../harness/process-tree.ts'
import { until } from '../../harness/until.ts'

const root = join(import.meta.dirname, '../../..')
const launcher = join(root, 'bin/plexus-node.js')

const dataOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'start-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return join(folder, 'data')
}

interface Started {
  readonly child: ChildProcess
  readonly text: () => string
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly ended: Promise<unknown[]>
}

const run = (t: TestContext, program: string, args: readonly string[], input?: string): Started => {
  const child = spawn(process.execPath, [launcher, join(root, program), ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  t.after(async () => {
    child.kill('SIGTERM')
    await ended
  })
  child.stdin.end(input)
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part) => {
      text += part
    })
  return {
    child,
    text: () => text,
    ended,
    async printed(pattern) {
      await until(() => {
        if (child.exitCode !== null && !pattern.test(text)) throw new Error(`it ended:\n${text}`)
        return pattern.test(text)
      }, 60_000)
      return pattern.exec(text)!
    },
  }
}
const start = (t: TestContext, data: string, ...args: string[]) =>
  run(t, 'fleet/main.ts', ['--port', '0', '--data', data, ...args])

test('a first start, a user, a stop within 10 s that leaves no process, and a second start that finds it all', async (t) => {
  const data = dataOf(t)
  const first = start(t, data, '--server-name', 'start.test')
  const [, url] = await first.printed(/homeserver +(http:\/\/127\.0\.0\.1:\d+)/)
  const [, admin] = await first.printed(/admin +(http:\/\/127\.0\.0\.1:\d+)/)
  await first.printed(/Ctrl-C stops all/)
  const versions = await fetch(`${url}/_matrix/client/versions`)
  assert.equal(versions.status, 200)
  assert.equal((await fetch(`${admin}/ready`)).status, 200)
  const made = run(t, 'fleet/register.ts', ['--data', data, '--admin', 'alice'], 'a secret of hers\n')
  assert.deepEqual(await made.ended, [0, null], made.text())
  assert.equal(made.text(), '@alice:start.test is registered, as an administrator\n')
  const alice = await logIn(url!, '@alice:start.test', 'a secret of hers')
  const room = await alice.createRoom({ name: 'Before' })
  const processes = treeOf(first.child.pid!).slice(1)
  assert.ok(processes.length >= 9, 'router, main, six workers, Postgres')

  // Under npm both of these arrive.
  first.child.kill('SIGINT')
  first.child.kill('SIGINT')
  const from = performance.now()
  assert.deepEqual(await first.ended, [0, null], first.text())
  assert.ok(performance.now() - from < 10_000)
  await until(() => processes.every((pid) => !isAlive(pid)))

  const second = start(t, data)
  await second.printed(/server name start\.test/)
  assert.doesNotMatch(second.text(), /making a database/)
  const [, again] = await second.printed(/homeserver +(http:\/\/127\.0\.0\.1:\d+)/)
  await second.printed(/Ctrl-C stops all/)
  const { rooms } = await alice.at(again!).sync()
  assert.ok(room in rooms!.join!)
})

test('whoever is killed is up again, and it is said', async (t) => {
  const fleet = start(t, dataOf(t), '--workers', '1')
  const [, url] = await fleet.printed(/homeserver +(http:\/\/127\.0\.0\.1:\d+)/)
  await fleet.printed(/Ctrl-C stops all/)
  const router = treeOf(fleet.child.pid!).find((pid) => commandOf(pid).includes('bin/router.js'))!
  process.kill(router, 'SIGKILL')
  await fleet.printed(/router ended \(SIGKILL\); starting it again in 0\.25 s/)
  await fleet.printed(/router is up again/)
  assert.equal((await fetch(`${url}/_matrix/client/versions`)).status, 200)
})

test('a start that is killed takes all along, and the next one starts', async (t) => {
  const data = dataOf(t)
  const fleet = start(t, data, '--workers', '1')
  await fleet.printed(/Ctrl-C stops all/)
  const processes = treeOf(fleet.child.pid!).slice(1)
  fleet.child.kill('SIGKILL')
  const next = start(t, data, '--workers', '1')
  await next.printed(/Ctrl-C stops all/)
  assert.deepEqual(processes.filter(isAlive), [])
})

test('stopped while it starts: nothing stays', async (t) => {
  const fleet = start(t, dataOf(t))
  await fleet.printed(/starting \d+ processes/)
  const processes = treeOf(fleet.child.pid!).slice(1)
  fleet.child.kill('SIGINT')
  const [status] = await fleet.ended
  assert.equal(status, 1)
  await until(() => processes.every((pid) => !isAlive(pid)))
})

test('refused: a port in use, a second start, wrong addresses; each says what to do', async (t) => {
  const data = dataOf(t)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  const refused = async (message: RegExp, ...args: string[]) => {
    const failed = run(t, 'fleet/main.ts', ['--data', data, '--admin-port', '0', ...args])
    assert.deepEqual(await failed.ended, [1, null], failed.text())
    assert.match(failed.text().trim().split('\n').at(-1)!, message)
  }
  await refused(new RegExp(`^port ${port} is in use: choose another one with --port`), '--port', `${port}`)
  await refused(/ECONNREFUSED/, '--port', '0', '--postgres', 'postgres://me:secret@127.0.0.1:1/x')
  await refused(/ECONNREFUSED/, '--port', '0', '--redis', 'redis://127.0.0.1:1')
  const fleet = start(t, data, '--workers', '0')
  await fleet.printed(/Ctrl-C stops all/)
  await refused(/^another npm start runs on the data folder/, '--port', '0')
})

test('refused: settings of one’s own that are wrong, with their place', async (t) => {
  const data = dataOf(t)
  const first = start(t, data, '--workers', '0')
  await first.printed(/Ctrl-C stops all/)
  first.child.kill('SIGINT')
  await first.ended
  writeFileSync(join(data, 'conf.d/mine.yaml'), 'bcrypt_rounds: many\n')
  const second = start(t, data, '--workers', '0')
  assert.deepEqual(await second.ended, [1, null])
  assert.match(second.text(), /conf\.d\/mine\.yaml:1:\d+: bcrypt_rounds: expected a number/)
})

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
