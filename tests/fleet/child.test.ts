import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { StartError, startChild } from '../../fleet/child.ts'
import { until } from '../harness/until.ts'

/** A process that is up when it has written its pid into a file. */
const start = (t: TestContext, program: string, signal?: AbortSignal) => {
  const folder = mkdtempSync(join(tmpdir(), 'child-'))
  const file = join(folder, 'pid')
  writeFileSync(
    join(folder, 'program.mjs'),
    `import { writeFileSync } from 'node:fs'\nconst up = () => writeFileSync(${JSON.stringify(file)}, String(process.pid))\n${program}`,
  )
  const said: string[] = []
  const started = startChild({
    name: 'child',
    command: process.execPath,
    args: [join(folder, 'program.mjs')],
    log: join(folder, 'log'),
    isUp: async () => readFileSync(file, 'utf8') !== '',
    say: (line) => said.push(line),
    ...(signal && { signal }),
  })
  t.after(async () => {
    await started.then((child) => child.kill()).catch(() => {})
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    started,
    said,
    pid: () => Number(readFileSync(file, 'utf8')),
    log: () => readFileSync(join(folder, 'log'), 'utf8'),
  }
}

test('a process that is killed is started again, and it is said', async (t) => {
  const { started, said, pid } = start(t, 'up(); setInterval(() => {}, 1000)')
  const child = await started
  const first = pid()
  assert.equal(child.pid(), first)
  process.kill(first, 'SIGKILL')
  await until(() => pid() !== first && child.pid() === pid())
  await until(() => said.length === 2)
  assert.match(said[0]!, /^child ended \(SIGKILL\); starting it again in 0.25 s\. Its log: /)
  assert.equal(said[1], 'child is up again')
})

test('one that ends again and again is started after longer and longer pauses', async (t) => {
  const { started, said } = start(t, 'up(); setTimeout(() => process.exit(3), 20)')
  await started
  await until(() => said.filter((line) => line.includes('ended')).length === 3, 10_000)
  assert.deepEqual(
    said.flatMap((line) => /exit status 3\); starting it again in ([\d.]+) s/.exec(line)?.[1] ?? []),
    ['0.25', '0.5', '1'],
  )
})

test('a first start that fails is told with what the process said, and is not tried again', async (t) => {
  const { started, said } = start(t, "console.error('no such thing'); process.exit(1)")
  await assert.rejects(started, (error: StartError) => {
    assert.ok(error instanceof StartError)
    assert.equal(error.message, 'child ended while it started (exit status 1)')
    assert.equal(error.output, 'no such thing')
    return true
  })
  assert.deepEqual(said, [])
})

test('it is asked to stop, and not started again', async (t) => {
  const { started, said, log } = start(
    t,
    "process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); up(); setInterval(() => {}, 1000)",
  )
  const child = await started
  await child.stop(5_000)
  assert.equal(log(), 'bye\n')
  assert.equal(child.pid(), undefined)
  assert.deepEqual(said, [])
})

test('who does not stop is killed, and it is said', async (t) => {
  const { started, said } = start(t, "process.on('SIGTERM', () => {}); up(); setInterval(() => {}, 1000)")
  const child = await started
  await child.stop(100)
  assert.deepEqual(said, ['child did not stop within 0.1 s, and was killed'])
})

test('stopped while it starts: the start is over', async (t) => {
  const stopping = new AbortController()
  const { started } = start(t, 'setInterval(() => {}, 1000)', stopping.signal)
  stopping.abort()
  await assert.rejects(started, /child was stopped while it started/)
})
