/** The router as a process, under load, while its configuration changes and its workers are killed. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../harness/free-port.ts'
import { startWorker, type WorkerProcess } from '../harness/worker-process.ts'

const ROUTER = fileURLToPath(new URL('../../bin/router.js', import.meta.url))
const POLLS = 200
const RELOADS = 20

interface Answer {
  readonly status: number
  readonly worker: string
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly ms: number
}

const ask = (agent: Agent, port: number, method: string, path: string, token = 'alice'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const body = method === 'PUT' ? '{"msgtype":"m.text","body":"hello"}' : ''
    const headers = {
      authorization: `Bearer syt_${Buffer.from(token).toString('base64url')}_x_y`,
      ...(body !== '' && { 'content-length': body.length }),
    }
    const sent = request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          worker: String(response.headers['x-worker'] ?? ''),
          body: text,
          headers: response.headers,
          ms: performance.now() - began,
        }),
      )
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })

/** The router as its users start it, on a file that can be rewritten. */
const startProcess = async (t: TestContext, text: (port: number) => string, openFiles?: number) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-survive-'))
  const file = join(folder, 'routes.yaml')
  const port = await freePort()
  const write = (contents: string) => {
    writeFileSync(`${file}.new`, contents)
    renameSync(`${file}.new`, file)
  }
  write(text(port))
  const args = [ROUTER, '--routes', file]
  const stdio = ['ignore', 'ignore', 'pipe'] as const
  const child: ChildProcess =
    openFiles === undefined
      ? spawn(process.execPath, args, { stdio: [...stdio] })
      : spawn('prlimit', [`--nofile=${openFiles}:${openFiles}`, process.execPath, ...args], { stdio: [...stdio] })
  let log = ''
  child.stderr!.setEncoding('utf8').on('data', (part: string) => {
    log += part
  })
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  })
  const until = async (what: string, holds: () => boolean | Promise<boolean>, ms = 10_000) => {
    const end = performance.now() + ms
    while (!(await holds())) {
      assert.ok(performance.now() < end, `not within ${ms} ms: ${what}\n${log}`)
      await delay(20)
    }
  }
  await until('the router is up', () => log.includes('router is up'))
  return { port, child, write, until, log: () => log }
}

const addresses = (workers: readonly WorkerProcess[]) => workers.map(({ port }) => `127.0.0.1:${port}`)

test('200 long polls and a load of sends survive 20 reloads and the kill of every worker in turn', async (t) => {
  const workers = await Promise.all(['a', 'b', 'c'].map((name) => startWorker(t, name)))
  const [main, other] = await Promise.all(['main', 'other'].map((name) => startWorker(t, name)))
  /** Reload n: weights change each time, capabilities go to another pool, and a pool comes and goes. */
  const routes = (n: number) => (port: number) =>
    [
      `listen: [http://127.0.0.1:${port}]`,
      'access_log: off',
      'pools:',
      `  main: {workers: [127.0.0.1:${main!.port}]}`,
      `  other: {workers: [127.0.0.1:${other!.port}]}`,
      `  sync: {sticky: user, workers: [${addresses(workers).map((address, i) => `{address: '${address}', weight: ${1 + ((n + i) % 3)}}`)}]}`,
      `  event_send: {sticky: room, workers: [${addresses(n % 2 ? workers : [...workers].reverse())}]}`,
      ...(n % 3 === 0 ? [`  extra${n}: {workers: [127.0.0.1:${other!.port}]}`] : []),
      'routes:',
      `  - {pool: ${n % 2 ? 'main' : 'other'}, match: '^/_matrix/client/v3/capabilities$'}`,
      `  - {pool: sync, match: '^/_matrix/client/(r0|v3)/sync$'}`,
      `  - {pool: event_send, match: '^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/send'}`,
    ].join('\n')
  const router = await startProcess(t, routes(0))
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 })
  t.after(() => agent.destroy())

  let running = true
  t.after(() => {
    running = false
  })
  const failures: string[] = []
  const counts = { polls: 0, sends: 0 }
  const note = (kind: string, answer: Answer | Error) => {
    if (answer instanceof Error) failures.push(`${kind}: ${answer.message}`)
    else if (answer.status !== 200) failures.push(`${kind}: ${answer.status} ${answer.body}`)
  }
  const poll = async (user: number) => {
    while (running) {
      const path = `/_matrix/client/v3/sync?since=s1&timeout=${1500 + (user % 10) * 100}`
      note('poll', await ask(agent, router.port, 'GET', path, `user${user}`).catch((error: Error) => error))
      counts.polls++
    }
  }
  const send = async (room: number) => {
    for (let txn = 0; running; txn++) {
      const path = `/_matrix/client/v3/rooms/!room${room}:hs/send/m.room.message/${txn}`
      note('send', await ask(agent, router.port, 'PUT', path).catch((error: Error) => error))
      counts.sends++
      await delay(10)
    }
  }
  const load = [...Array.from({ length: POLLS }, (_, i) => poll(i)), ...Array.from({ length: 8 }, (_, i) => send(i))]
  await delay(300)

  for (let n = 1; n <= RELOADS; n++) {
    router.write(routes(n)(router.port))
    const expected = n % 2 ? 'main' : 'other'
    await router.until(`reload ${n} to be seen`, async () => {
      const answer = await ask(agent, router.port, 'GET', '/_matrix/client/v3/capabilities')
      return answer.worker === expected
    })
  }
  assert.deepEqual(failures, [], 'while reloading')
  assert.equal(router.log().match(/configuration reloaded/g)?.length, RELOADS)

  for (const worker of workers) {
    await worker.kill()
    await delay(700)
    await worker.start()
    // Told by the worker: our own requests would find out by chance, as parked polls soon fill the tenth of its share that a
    // worker gets at first. The router looks for it every 400 ms; were it at the next check that all workers get, that would
    // take up to 2 s. On a busy machine each step comes as late as our timers do.
    const late = monitorEventLoopDelay({ resolution: 10 })
    late.enable()
    const began = performance.now()
    await worker.used()
    const ms = performance.now() - began
    const limitMs = Math.min(1000 + 10 * (late.max / 1e6), 4000)
    assert.ok(ms < limitMs, `a restarted worker is used again within a second: ${worker.name}, ${ms} of ${limitMs} ms`)
  }
  running = false
  await Promise.all(load)
  assert.deepEqual(failures, [], 'polls may be sent again, and so may sends with a transaction ID')
  assert.ok(counts.polls >= POLLS && counts.sends > 500, JSON.stringify(counts))

  router.child.kill('SIGTERM')
  const [status] = await once(router.child, 'exit')
  assert.equal(status, 0)
})

test("a killed sole writer's requests fail fast, as Matrix JSON, and never reach another worker", async (t) => {
  const [main, writer] = await Promise.all(['main', 'writer'].map((name) => startWorker(t, name)))
  const router = await startProcess(t, (port) =>
    [
      `listen: [http://127.0.0.1:${port}]`,
      'access_log: off',
      "synapse: '1.163'",
      `pools: {main: {workers: [127.0.0.1:${main!.port}]}, generic: {workers: [127.0.0.1:${main!.port}]}, typing: {workers: [127.0.0.1:${writer!.port}]}}`,
    ].join('\n'),
  )
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const typing = () => ask(agent, router.port, 'PUT', '/_matrix/client/v3/rooms/!r:hs/typing/@a:hs')
  assert.equal((await typing()).worker, 'writer')
  await writer!.kill()
  for (let i = 0; i < 5; i++) {
    const answer = await typing()
    assert.ok(answer.status === 502 || answer.status === 503, answer.body)
    assert.ok(answer.ms < 1000, `${answer.ms} ms`)
    assert.equal(answer.headers['access-control-allow-origin'], '*')
    assert.ok(Number(answer.headers['retry-after']) > 0)
    assert.equal((JSON.parse(answer.body) as { errcode: string }).errcode, 'M_UNKNOWN')
    await delay(100)
  }
  await writer!.start()
  await router.until('the writer is used again', async () => (await typing()).worker === 'writer', 1500)
})

test('a bad file keeps the configuration of before, and says what is wrong', async (t) => {
  const main = await startWorker(t, 'main')
  const good = (port: number) =>
    `listen: [http://127.0.0.1:${port}]\naccess_log: off\npools: {main: {workers: [127.0.0.1:${main.port}]}}\n`
  const router = await startProcess(t, good)
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  router.write('listen: [http://127.0.0.1:1]\npools: {main: {workers: [8008]}}\n')
  await router.until('the mistake is told', () => router.log().includes('reload failed'))
  assert.match(router.log(), /pools\.main\.workers\[0\]: expected host:port/)
  assert.equal((await ask(agent, router.port, 'GET', '/_matrix/client/v3/x')).worker, 'main')
  router.write(good(router.port))
  router.child.kill('SIGHUP')
  await router.until('the good file is taken', () => router.log().includes('configuration reloaded'))
  assert.doesNotMatch(router.log(), /next start/)
  router.write(
    good(router.port).replace('access_log: off', 'admin: http://127.0.0.1:0\nadmin_hosts: [router.example.org]'),
  )
  await router.until('what a reload leaves as it is, is told', () =>
    /"keys":\["admin","admin_hosts","access_log"\],"msg":"these take their new values at the next start only"/.test(
      router.log(),
    ),
  )
})

test('SIGHUP opens the access log anew', async (t) => {
  const main = await startWorker(t, 'main')
  const folder = mkdtempSync(join(tmpdir(), 'plexus-survive-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'access.log')
  const router = await startProcess(
    t,
    (port) =>
      `listen: [http://127.0.0.1:${port}]\naccess_log: ${file}\npools: {main: {workers: [127.0.0.1:${main.port}]}}\n`,
  )
  await router.until('the log is there', () => existsSync(file))
  renameSync(file, `${file}.1`)
  router.child.kill('SIGHUP')
  await router.until('a new log', () => existsSync(file))
})

test('out of file descriptors: it says so, and idle connections make room for new ones', async (t) => {
  const main = await startWorker(t, 'main')
  const admin = await freePort()
  const router = await startProcess(
    t,
    (port) =>
      `listen: [http://127.0.0.1:${port}]\nadmin: http://127.0.0.1:${admin}\naccess_log: off\npools: {main: {workers: [127.0.0.1:${main.port}]}}\n`,
    60,
  )
  // Clients that are turned away come again, until the router has looked.
  const idle = new Set<Socket>()
  let again = true
  const open = () => {
    if (!again) return
    const socket = connect({ host: '127.0.0.1', port: router.port })
    idle.add(socket)
    socket.on('error', () => {}).resume()
    socket.on('close', () => {
      idle.delete(socket)
      setTimeout(open, 20)
    })
  }
  t.after(() => {
    again = false
    for (const socket of idle) socket.destroy()
  })
  for (let i = 0; i < 80; i++) open()
  await router.until('the line', () => router.log().includes('out of file descriptors'))
  again = false
  const agent = new Agent({ keepAlive: false })
  await router.until('an answer', async () => {
    const answer = await ask(agent, router.port, 'GET', '/_matrix/client/versions').catch(() => undefined)
    return answer?.status === 200
  })
  await router.until('the count', async () => {
    const metrics = await ask(agent, admin, 'GET', '/metrics').catch(() => undefined)
    return metrics !== undefined && /^router_out_of_files_total [1-9]/m.test(metrics.body)
  })
  assert.equal(router.log().match(/out of file descriptors/g)!.length, 1)
})

test('SIGTERM lets a running request finish, and refuses new connections', async (t) => {
  const main = await startWorker(t, 'main')
  const router = await startProcess(
    t,
    (port) =>
      `listen: [http://127.0.0.1:${port}]\naccess_log: off\npools: {main: {workers: [127.0.0.1:${main.port}]}}\n`,
  )
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const poll = ask(agent, router.port, 'GET', '/_matrix/client/v3/sync?timeout=1500')
  await delay(200)
  router.child.kill('SIGTERM')
  await delay(200)
  await assert.rejects(ask(new Agent(), router.port, 'GET', '/x'), /ECONNREFUSED/)
  const answer = await poll
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.connection, 'close')
  const [status] = await once(router.child, 'exit')
  assert.equal(status, 0)
})
