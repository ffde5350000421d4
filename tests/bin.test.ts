import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'

const launcher = join(import.meta.dirname, '../bin/plexus-node.js')

/** A Node on PATH that has to hand over: Debian's, as a rule. Under `npm test` the first one is the new one. */
const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .filter((file) => existsSync(file))
  .map((file) => realpathSync(file))
  .find((file) => major(execFileSync(file, ['-v'], { encoding: 'utf8' })) < 24)
const skip = oldNode === undefined ? 'no Node older than 24 on PATH' : false
const nodes = [process.execPath, ...(oldNode === undefined ? [] : [oldNode])]

const program = `
const handled: readonly string[] = process.argv.slice(2)
for (const signal of handled)
  process.on(signal, () => {
    console.log(signal)
    if (signal === 'SIGTERM') process.exit(7)
  })
setInterval(() => {}, 1000)
console.log('ready', process.version, import.meta.main, process.pid)
`

function major(version: string): number {
  return Number(version.replace('v', '').split('.')[0])
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'plexus-bin-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

async function started(t: TestContext, node: string, signals: readonly string[]) {
  const file = join(folder(t), 'program.ts')
  writeFileSync(file, program)
  const child = spawn(node, [launcher, file, ...signals], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (data) => {
    text += data
  })
  const printed = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) await once(child.stdout, 'data')
  }
  await printed(/\n/)
  return { child, text: () => text, printed }
}

const ended = (child: ChildProcess): Promise<unknown[]> => once(child, 'close')

test('a file runs on a new Node, as the main module, whatever Node was called', async (t) => {
  for (const node of nodes) {
    const { text } = await started(t, node, [])
    const [, version = '', main] = text().split(' ')
    assert.ok(major(version) >= 24, version)
    assert.equal(main, 'true')
  }
})

test('arguments and the exit status pass through', (t) => {
  const file = join(folder(t), 'program.ts')
  writeFileSync(file, 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 3')
  for (const node of nodes) {
    const { stdout, status } = spawnSync(node, [launcher, file, '--a', 'b c', ''], { encoding: 'utf8' })
    assert.deepEqual(JSON.parse(stdout), ['--a', 'b c', ''])
    assert.equal(status, 3)
  }
})

test('signals are handed on; one that comes twice at once, as under npm, is handed on once', { skip }, async (t) => {
  const { child, text, printed } = await started(t, oldNode!, ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGTERM'])
  child.kill('SIGINT')
  await printed(/SIGINT/)
  child.kill('SIGINT')
  child.kill('SIGHUP')
  await printed(/SIGHUP/)
  child.kill('SIGUSR1')
  await printed(/SIGUSR1/)
  child.kill('SIGTERM')
  assert.deepEqual(await ended(child), [7, null])
  assert.deepEqual(text().trim().split('\n').slice(1), ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGTERM'])
})

test('the launcher dies of the signal its program died of', { skip }, async (t) => {
  const { child } = await started(t, oldNode!, [])
  child.kill('SIGTERM')
  assert.deepEqual(await ended(child), [null, 'SIGTERM'])
})

test('a launcher that is killed leaves no program behind', { skip }, async (t) => {
  const { child, printed } = await started(t, oldNode!, ['SIGTERM'])
  child.kill('SIGKILL')
  await printed(/SIGTERM/)
  await ended(child) // The pipe that the program writes to closes: it is gone.
})

/** A checkout in which `npm ci` has not run. */
const bareCheckout = (t: TestContext): string => {
  const root = folder(t)
  cpSync(join(import.meta.dirname, '../bin'), join(root, 'bin'), { recursive: true })
  writeFileSync(join(root, 'package.json'), '{"type": "module"}')
  writeFileSync(join(root, 'package-lock.json'), '{}')
  return root
}

test('without the newer Node, the launcher says what to do', { skip }, (t) => {
  const root = bareCheckout(t)
  const { status, stderr } = spawnSync(oldNode!, [join(root, 'bin/router.js')], { encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /npm ci.*install scripts allowed/)
})

test('without the dependencies, too', (t) => {
  const root = bareCheckout(t)
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'bin/router.js')], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [1, `The dependencies are not there.\nRun \`npm ci\` in ${root}.\n`])
})

test('compiled code is kept where only the installer writes, not in the common temporary folder', (t) => {
  const temporary = folder(t)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, '../bin/router.js'), '--version'], {
    env: { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: undefined },
  })
  assert.equal(status, 0)
  assert.deepEqual(readdirSync(temporary), [])
})
