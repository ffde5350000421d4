/**
 * Runs a file of this package on a Node that is new enough: here, or in a child process on the Node that the `node`
 * package brought. Debian's Node reads this file first, so it keeps to what Node 12 parses (no `??`, no `node:`).
 */
import { spawn } from 'child_process'
import { existsSync } from 'fs'
import module from 'module'
import os from 'os'
import { dirname, join } from 'path'
import { fileURLToPath } from 'url'

/** The oldest Node that runs the sources: it strips their types without a flag. */
const OLDEST_NODE = 24
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH']
/** Ctrl-C under `npm start` comes twice, from the terminal and from npm; a second one by hand takes longer than this. */
const SAME_SIGNAL_MS = 250
const HANDED_OVER = 'PLEXUS_HANDED_OVER'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = module.createRequire(import.meta.url)

/**
 * Runs `entry` (a path from the package's root, without extension: its TypeScript in a checkout, its JavaScript under
 * `dist/` where the package was installed) with `args`, as the program's main module.
 */
export function run(entry, args) {
  const source = join(root, `${entry}.ts`)
  runFile(existsSync(source) ? source : join(root, 'dist', `${entry}.js`), args)
}

export function runFile(file, args) {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) return handOver()
  if (process.env[HANDED_OVER]) endWithLauncher()
  if (!isInstalled()) return failWithout('The dependencies are not there.')
  // Not in the common /tmp, Node's default: who gets to make the folder there first can have us run what is in it.
  module.enableCompileCache(join(root, '.cache', 'compile'))
  process.argv.splice(1, process.argv.length, file, ...args)
  module.runMain()
}

/** Starts this same program again on the `node` package's Node, and ends as that one ends. */
function handOver() {
  const node = newerNode()
  if (node === undefined || process.env[HANDED_OVER]) {
    return failWithout(
      `Node ${process.version} is too old: Plexus needs Node ${OLDEST_NODE} or newer.\n` +
        'It comes with the dependencies, in node_modules/node, but is not there.',
      ', with install scripts allowed (no --ignore-scripts), or install a newer Node',
    )
  }

  // A session of its own, so that a terminal's Ctrl-C reaches the child through us alone, and once. The channel tells
  // the child of our death where no signal can.
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    env: { ...process.env, [HANDED_OVER]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  const last = {}
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      const now = Date.now()
      if (last[signal] === undefined || now - last[signal] >= SAME_SIGNAL_MS) child.kill(signal)
      last[signal] = now
    })
  }
  child.on('error', (error) => {
    console.error(`Cannot start ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (status, signal) => {
    if (signal === null) process.exit(status)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
    // SIGQUIT and the like may be ignored by who started us: then say it as a shell would.
    setTimeout(() => process.exit(128 + os.constants.signals[signal]), 100)
  })
}

function newerNode() {
  try {
    const node = join(dirname(require.resolve('node/package.json')), 'bin', 'node')
    return existsSync(node) ? node : undefined
  } catch {
    return undefined
  }
}

/** Any dependency stands for all. */
function isInstalled() {
  try {
    require.resolve('yaml')
    return true
  } catch {
    return false
  }
}

function failWithout(what, more = '') {
  const isCheckout = existsSync(join(root, 'package-lock.json'))
  console.error(`${what}\nRun ${isCheckout ? `\`npm ci\` in ${root}` : '`npm install` again'}${more}.`)
  process.exit(1)
}

/** A launcher killed with SIGKILL forwards nothing: its channel closes, and we stop as if asked to. */
function endWithLauncher() {
  delete process.env[HANDED_OVER]
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}
