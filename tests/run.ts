/**
 * `npm test`: everything that CI runs, on a fresh Debian too. Servers that tests need are installed where that is
 * possible; then lint, types and every `tests/**\/*.test.ts`. The last line is the test runner's own count.
 *
 *     npm test                       all
 *     npm test -- --only ring        only test files whose path matches the regular expression; no lint, no types
 *     npm test -- --without-servers  do not ask for nginx and the like; the tests that need them are skipped
 */

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { missingServers } from './servers.ts'
import { synapsePython } from './synapse/install.ts'

const root = dirname(import.meta.dirname)
const { values: flags } = parseArgs({ options: { only: { type: 'string' }, 'without-servers': { type: 'boolean' } } })

if (!flags['without-servers']) {
  installMissingServers()
  // Once, before tests ask for it side by side. Those that compare with it are skipped where it is not to be had.
  if (flags.only === undefined) await synapsePython().catch((error: unknown) => console.log(`# no Synapse: ${error}`))
}

const failures: string[] = []
if (flags.only === undefined) {
  step('lint', '@biomejs/biome', 'bin/biome', ['check', '--error-on-warnings'])
  step('types', 'typescript', 'bin/tsc', ['-p', root])
}

const counts = await runTests(flags.only === undefined ? /./ : new RegExp(flags.only))
if (counts === undefined || counts.failed > 0 || counts.cancelled > 0) failures.push('tests')
if (counts?.tests === 0) failures.push('no test was found')
if (failures.length > 0) console.log(`Failed: ${failures.join(', ')}.`)
console.log(
  counts === undefined
    ? 'The test runner ended without a count.'
    : `${counts.tests} tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.cancelled} cancelled, ` +
        `${counts.skipped} skipped, ${counts.todo} todo.`,
)
process.exitCode = failures.length > 0 ? 1 : 0

function step(name: string, packageName: string, program: string, args: readonly string[]): void {
  console.log(`# ${name}`)
  const file = join(dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`)), program)
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit' })
  if (status !== 0) failures.push(name)
}

async function runTests(only: RegExp) {
  console.log('# tests')
  const files = globSync('tests/**/*.test.ts', { cwd: root }).filter((file) => only.test(file))
  const concurrency = Math.max(1, availableParallelism())
  const stream = run({ files: files.sort().map((file) => join(root, file)), concurrency, cwd: root })
  type Summary = {
    file?: string
    counts: Record<'tests' | 'passed' | 'failed' | 'cancelled' | 'skipped' | 'todo', number>
  }
  let counts: Summary['counts'] | undefined
  // One summary comes for each file, and a last one, without a file, for all.
  stream.on('test:summary', (summary: Summary) => {
    if (summary.file === undefined) counts = summary.counts
  })
  for await (const text of stream.compose(new spec())) process.stdout.write(text)
  return counts
}

function installMissingServers(): void {
  const packages = missingServers().map(({ debianPackage }) => debianPackage)
  if (packages.length === 0) return
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) {
    console.error(`Tests start servers that are not installed: ${packages.join(', ')}. On Debian:\n`)
    console.error(`    sudo apt-get update && sudo ${command}\n`)
    console.error('Or skip the tests that need them: npm test -- --without-servers')
    process.exit(1)
  }
  console.log(`# ${command}`)
  // Under run level 1 invoke-rc.d starts nothing: the tests start their own, and port 80 may be someone else's.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  for (const step of ['apt-get update', command]) {
    const { status } = spawnSync(step, { shell: true, env, stdio: 'inherit' })
    if (status === 0) continue
    console.error(`\`${step}\` failed. Install ${packages.join(', ')} by hand, or: npm test -- --without-servers`)
    process.exit(1)
  }
}
