import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeLogFile } from '../../shared/log-file.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'plexus-log-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('lines are written in order, none missing, by the time it is closed', async (t) => {
  const file = join(folder(t), 'access.log')
  const log = makeLogFile({ to: { file }, report: assert.fail })
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`)
  for (const line of lines) log.write(line)
  await log.close()
  assert.equal(readFileSync(file, 'utf8'), lines.join(''))
  assert.equal(log.lost, 0)
})

test('a line is in the file soon after it came', async (t) => {
  const file = join(folder(t), 'access.log')
  const log = makeLogFile({ to: { file }, report: assert.fail, flushMs: 10 })
  await log.reopen()
  log.write('a\n')
  while (readFileSync(file, 'utf8') === '') await sleep(5)
  log.write('b\n')
  while (readFileSync(file, 'utf8') !== 'a\nb\n') await sleep(5)
  await log.close()
})

test('after rotation lines go to a new file, and none is lost', async (t) => {
  const file = join(folder(t), 'access.log')
  const log = makeLogFile({ to: { file }, report: assert.fail })
  const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}\n`)
  for (const line of lines.slice(0, 5_000)) log.write(line)
  await log.reopen()
  renameSync(file, `${file}.1`)
  for (const line of lines.slice(5_000, 6_000)) log.write(line)
  await log.reopen()
  for (const line of lines.slice(6_000)) log.write(line)
  await log.close()
  assert.equal(readFileSync(`${file}.1`, 'utf8') + readFileSync(file, 'utf8'), lines.join(''))
})

test('a folder that is not there is reported once, and once more when it came', async (t) => {
  const path = join(folder(t), 'logs')
  const file = join(path, 'access.log')
  const reports: string[] = []
  const log = makeLogFile({ to: { file }, report: (message) => reports.push(message), flushMs: 5, maxPendingBytes: 20 })
  for (let i = 0; i < 10; i++) {
    log.write('lost line\n')
    await sleep(5)
  }
  assert.equal(reports.length, 1)
  assert.match(reports[0]!, /^log: ENOENT.*lines are lost/)
  mkdirSync(path)
  while (reports.length < 2) await sleep(5)
  assert.match(reports[1]!, /writing to .*access.log again, \d+ lines were lost/)
  const { lost } = log
  assert.ok(lost > 0)
  log.write('kept\n')
  await log.close()
  assert.match(readFileSync(file, 'utf8'), /kept\n$/)
  assert.equal(log.lost, lost)
})

const full = existsSync('/dev/full') ? false : 'no /dev/full'
test('a full disk costs lines, not the router, which still ends', { skip: full }, async () => {
  const reports: string[] = []
  const log = makeLogFile({ to: { file: '/dev/full' }, report: (message) => reports.push(message), flushMs: 5 })
  log.write('a\n')
  await sleep(30)
  log.write('b\n')
  await log.close()
  assert.equal(log.lost, 2)
  assert.equal(reports.length, 1)
  assert.match(reports[0]!, /ENOSPC/)
})

const source = join(import.meta.dirname, '../../shared/log-file.ts')
const program = (rest: string) => `
  import { makeLogFile } from ${JSON.stringify(source)}
  const log = makeLogFile({ to: 'stdout', report: console.error, flushMs: 20 })
  ${rest}`

test('a process that just exits has written its lines', () => {
  const text = execFileSync(
    process.execPath,
    ['--input-type=module-typescript', '-e', program(`setTimeout(() => { log.write('last\\n'); process.exit() }, 50)`)],
    { encoding: 'utf8' },
  )
  assert.equal(text, 'last\n')
})

test('a reader that leaves does not end the process', () => {
  const code = program(`let n = 0
  const timer = setInterval(() => {
    log.write('line\\n')
    if (++n === 20) { clearInterval(timer); await log.close(); console.error('lost', log.lost > 0) }
  }, 10)`).replace('setInterval(() =>', 'setInterval(async () =>')
  const { stdout } = spawnSync(
    'sh',
    ['-c', '{ "$0" --input-type=module-typescript -e "$1" 2>&3 | head -c1 >/dev/null; } 3>&1', process.execPath, code],
    { encoding: 'utf8' },
  )
  assert.match(stdout, /EPIPE/)
  assert.match(stdout, /lost true/)
})
