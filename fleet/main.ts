/** `npm start`: a whole homeserver on this machine. */

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StartError } from './child.ts'
import { readOptions, USAGE } from './options.ts'
import { type Fleet, startFleet } from './start.ts'

const root = dirname(import.meta.dirname)
/** npm runs scripts in the package's folder: paths are meant from where it was called. */
const folder = process.env.INIT_CWD ?? process.cwd()
/** Ctrl-C under npm comes twice, from the terminal and from npm; a second one by hand takes longer than this. */
const SAME_SIGNAL_MS = 1_000

const begun = performance.now()
const say = (line: string): void => {
  console.log(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}`)
}

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2), folder, join(root, 'data'))
  if (options === 'help') {
    console.log(USAGE)
    return 0
  }
  const stopping = new AbortController()
  const stopped = new Promise<string>((resolve) => {
    let first: number | undefined
    const onSignal = (signal: string) => {
      const now = performance.now()
      first ??= now
      if (now - first > SAME_SIGNAL_MS) atOnce()
      stopping.abort(new Error('stopped while it started'))
      resolve(signal)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal)
  })
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  say(`Plexus ${version}, data in ${options.data}`)
  const fleet = await startFleet(options, { root, say, signal: stopping.signal })
  introduce(fleet, options.data)
  const signal = await stopped
  say(`${signal}: stopping; running requests may finish. Once more stops at once`)
  await fleet.stop()
  say('stopped')
  return 0
}

/** The children notice that this process is gone, and end by themselves. */
const atOnce = (): never => process.exit(130)

const introduce = ({ url, admin, data, processes }: Fleet, path: string): void => {
  const where = path === join(root, 'data') ? '' : ` --data ${path}`
  say('up')
  console.log(`
homeserver   ${url}   (server name ${data.serverName})
admin        ${admin}   metrics, pools, explain
processes    router, ${processes.join(', ')}
data         ${path}   logs in logs/, settings of your own in conf.d/*.yaml

A first user, in another terminal:

    npm run register --${where} --admin alice

Then log in with any Matrix client at ${url} as @alice:${data.serverName}. Ctrl-C stops all.
`)
}

try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof StartError) console.error(`${error.output}\n\n${error.message}`.trim())
  else console.error((error as Error).message)
  process.exitCode = 1
}
process.exit()
