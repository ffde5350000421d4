/** The command line of `npm start`. */

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface Options {
  /** 0: any free one. */
  readonly port: number
  readonly adminPort: number
  /** Absolute. */
  readonly data: string
  /** Of each kind. */
  readonly workers: number
  readonly postgres: string | undefined
  readonly redis: string | undefined
  readonly serverName: string | undefined
}

export const USAGE = `npm start -- [options]
  --port PORT          where clients connect, on 127.0.0.1; 0: any free port (default: 8008)
  --admin-port PORT    the router's metrics and state, on 127.0.0.1 (default: 9180; with --port 0 any free port)
  --data DIR           all that is kept: database, configuration, keys, logs (default: ./data)
  --workers N          so many workers that sync, that serve the rest, and that persist events: N of each; 0: the main
                       process alone (default: 2)
  --server-name NAME   what follows the ':' in user IDs; of a first start only (default: localhost)
  --postgres URL       a Postgres of your own: postgres://user:password@host:5432/database
  --redis URL          a Redis as the workers' bus: redis://host:6379 (default: Postgres is the bus)

Settings of your own, with Synapse's keys, go into DIR/conf.d/*.yaml.`

/** Paths are meant from `folder`; `defaultData` is absolute. Throws, with a sentence for the user, for a mistake. */
export const readOptions = (args: readonly string[], folder: string, defaultData: string): Options | 'help' => {
  const { values } = parse(args)
  if (values.help) return 'help'
  const port = portOf('--port', values.port ?? '8008')
  return {
    port,
    adminPort: portOf('--admin-port', values['admin-port'] ?? (port === 0 ? '0' : '9180')),
    data: values.data === undefined ? defaultData : resolve(folder, values.data),
    workers: workersOf(values.workers ?? '2'),
    postgres: values.postgres,
    redis: values.redis,
    serverName: values['server-name'],
  }
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        'admin-port': { type: 'string' },
        data: { type: 'string' },
        workers: { type: 'string' },
        'server-name': { type: 'string' },
        postgres: { type: 'string' },
        redis: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ')[0]}\n\n${USAGE}`)
  }
}

const portOf = (flag: string, text: string): number => {
  if (!(/^\d{1,5}$/.test(text) && Number(text) < 65_536))
    throw new Error(`${flag} ${text}: expected a number from 0 to 65535`)
  return Number(text)
}

const workersOf = (text: string): number => {
  if (!(/^\d{1,2}$/.test(text) && Number(text) <= 16))
    throw new Error(`--workers ${text}: expected a number from 0 to 16`)
  return Number(text)
}
