/** `npm run register -- alice`: a user, made with the shared secret of a data folder while its homeserver runs. */

import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join, resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { askHidden } from './ask-hidden.ts'

const USAGE = `npm run register -- [options] NAME
  --data DIR             the data folder of npm start (default: ./data)
  --admin                make the user an administrator of the server
  --password-file FILE   the password; without it, it is asked for, or read from standard input`

interface Asked {
  readonly name: string
  readonly data: string
  readonly admin: boolean
  readonly passwordFile: string | undefined
}

const PATH = '/_synapse/admin/v1/register'
const root = dirname(import.meta.dirname)
/** npm runs scripts in the package's folder: paths are meant from where it was called. */
const folder = process.env.INIT_CWD ?? process.cwd()

const read = (): Asked | 'help' => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      admin: { type: 'boolean', default: false },
      'password-file': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  if (positionals.length !== 1) throw new Error(USAGE)
  return {
    name: positionals[0]!,
    data: values.data === undefined ? join(root, 'data') : resolve(folder, values.data),
    admin: values.admin,
    passwordFile: values['password-file'],
  }
}

const passwordOf = async ({ name, passwordFile }: Asked): Promise<string> => {
  const given =
    passwordFile !== undefined
      ? readFileSync(resolve(folder, passwordFile), 'utf8')
      : process.stdin.isTTY
        ? await askHidden(`Password of ${name}: `)
        : await textOf(process.stdin)
  const password = given.replace(/\r?\n$/, '')
  if (password === '') throw new Error('the password is empty')
  return password
}

/** The main process' own socket: the router's listener for clients does not expose this. */
const mainSocket = (data: string): string => {
  const file = join(data, 'homeserver.yaml')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new Error(`there is no homeserver in ${data}: start it first, or name its folder with --data`)
  }
  const { listeners } = parse(text) as { listeners: readonly { readonly path: string }[] }
  return listeners[0]!.path
}

const ask = (socketPath: string, method: 'GET' | 'POST', body?: object): Promise<Record<string, string>> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: PATH, method, headers: { 'content-type': 'application/json' } })
    asked.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
            ? 'the homeserver does not run: npm start'
            : error.message,
        ),
      ),
    )
    asked.once('response', (response) => {
      textOf(response).then((text) => {
        if (response.statusCode === 200) return resolve(JSON.parse(text))
        const { error } = JSON.parse(text) as { error?: string }
        reject(new Error(error ?? text))
      }, reject)
    })
    asked.end(body && JSON.stringify(body))
  })

const main = async (): Promise<void> => {
  const asked = read()
  if (asked === 'help') return console.log(USAGE)
  const socket = mainSocket(asked.data)
  const secret = readFileSync(join(asked.data, 'secrets/registration_shared_secret'), 'utf8').trim()
  const { nonce } = await ask(socket, 'GET')
  const password = await passwordOf(asked)
  const mac = createHmac('sha1', secret)
    .update([nonce, asked.name, password, asked.admin ? 'admin' : 'notadmin'].join('\0'))
    .digest('hex')
  const { user_id: userId } = await ask(socket, 'POST', {
    nonce,
    username: asked.name,
    password,
    admin: asked.admin,
    mac,
  })
  console.log(`${userId} is registered${asked.admin ? ', as an administrator' : ''}`)
}

try {
  await main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
