/** The program `worker`: puts the parts together and hands the command line to them. */

import { readFileSync } from 'node:fs'
import { runCli } from './cli.ts'

/** From the checkout, or from `dist/` of a package. */
const packageVersion = (): string => {
  for (const up of ['../package.json', '../../package.json'])
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version
    } catch {
      // not here
    }
  return 'unknown'
}

// `worker check --json | head`: whoever reads has had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

// A disk that is full, on which standard error is a file: what cannot be said is no reason to end.
process.stderr.on('error', () => {})

process.exitCode = await runCli(process.argv.slice(2), {
  version: packageVersion(),
  surroundings: { env: process.env },
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
