/**
 * `npm run conformance -- --suite FOLDER`: the Complement suite in FOLDER (a checkout of matrix-org/complement) against this
 * checkout's fleet, each homeserver in namespaces of its own, without Docker and without a way out. Counts the leaves of its
 * tests, and writes the names of those that pass to complement.txt; with `--only`, it counts alone.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { countLeaves, tell } from './count.ts'
import { buildSuite, runSuite, whatIsMissing } from './suite.ts'

const USAGE = `npm run conformance -- --suite FOLDER [options]
  --suite FOLDER     a checkout of matrix-org/complement, with its Go modules at hand
  --package NAME     of its packages under tests/ (default: csapi)
  --only REGEX       only tests whose name matches, as Go's -run; complement.txt is not written
  --skip REGEX       not those, as Go's -skip; complement.txt is not written
  --workers N        workers of each kind in a homeserver (default: 1; 0: main alone)
  --log FILE         all that the tests and the homeservers said`

const folder = process.env.INIT_CWD ?? process.cwd()
const passing = join(import.meta.dirname, 'complement.txt')

const read = () => {
  const { values } = parseArgs({
    options: {
      suite: { type: 'string' },
      package: { type: 'string', default: 'csapi' },
      only: { type: 'string' },
      skip: { type: 'string' },
      workers: { type: 'string', default: '1' },
      log: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return 'help'
  if (values.suite === undefined) throw new Error(`--suite is missing\n\n${USAGE}`)
  if (!/^\w+$/.test(values.package)) throw new Error(`--package ${values.package}: expected a name`)
  if (!/^\d$/.test(values.workers)) throw new Error(`--workers ${values.workers}: expected a number from 0 to 9`)
  return { ...values, suite: resolve(folder, values.suite), log: values.log && resolve(folder, values.log) }
}

/** Lines of other packages stay as they are. */
const writePassing = (packageName: string, names: readonly string[]): void => {
  const mark = `${packageName} `
  const others = readFileSync(passing, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(mark))
  const lines = [...others, ...names.map((name) => mark + name)].sort()
  writeFileSync(passing, lines.map((line) => `${line}\n`).join(''))
}

const main = async (): Promise<number> => {
  const asked = read()
  if (asked === 'help') {
    console.log(USAGE)
    return 0
  }
  const missing = whatIsMissing(asked.suite, asked.package)
  if (missing.length > 0) throw new Error(missing.join('\n'))
  const root = dirname(dirname(import.meta.dirname))
  await using suite = await buildSuite(asked.suite, asked.package)
  const results = await runSuite(suite, { ...asked, workers: Number(asked.workers), root })
  const count = countLeaves(results)
  console.log(tell(count))
  if (asked.only === undefined && asked.skip === undefined) writePassing(asked.package, count.passed)
  return count.passed.length === 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
