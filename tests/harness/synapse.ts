/** One process of a real Synapse, with SQLite: what our answers are held against. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { synapsePython } from '../synapse/install.ts'
import { freePort } from './free-port.ts'

const START_MS = 60_000

export interface TestSynapse {
  readonly port: number
  readonly url: string
}

/** Started, with `more` over a configuration that lets everybody register. Throws where Synapse cannot be installed. */
export async function startSynapse(
  t: { after(fn: () => void | Promise<void>): void },
  more: Readonly<Record<string, unknown>> = {},
): Promise<TestSynapse> {
  const python = await synapsePython()
  const folder = mkdtempSync(join(tmpdir(), 'http-synapse-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const config = join(folder, 'homeserver.yaml')
  const log = {
    version: 1,
    handlers: { out: { class: 'logging.StreamHandler' } },
    root: { level: 'WARNING', handlers: ['out'] },
  }
  writeFileSync(join(folder, 'log.yaml'), JSON.stringify(log))
  writeFileSync(
    config,
    JSON.stringify({
      server_name: 'hs.test',
      pid_file: join(folder, 'pid'),
      public_baseurl: 'https://hs.test/',
      serve_server_wellknown: true,
      listeners: [
        {
          type: 'http',
          port,
          bind_addresses: ['127.0.0.1'],
          // Consent without a policy is a mistake.
          resources: [{ names: ['client', 'federation', ...(more.user_consent === undefined ? [] : ['consent'])] }],
        },
      ],
      database: { name: 'sqlite3', args: { database: join(folder, 'homeserver.db') } },
      log_config: join(folder, 'log.yaml'),
      media_store_path: join(folder, 'media'),
      signing_key_path: join(folder, 'signing.key'),
      macaroon_secret_key: 'm',
      form_secret: 'f',
      report_stats: false,
      trusted_key_servers: [],
      enable_registration: true,
      enable_registration_without_verification: true,
      ...more,
    }),
  )
  execFileSync(python, ['-m', 'synapse.app.homeserver', '-c', config, '--generate-keys'], { cwd: folder })
  const child = spawn(python, ['-m', 'synapse.app.homeserver', '-c', config], { cwd: folder, stdio: 'ignore' })
  t.after(() => stop(child))
  const url = `http://127.0.0.1:${port}`
  await untilUp(url, child)
  return { port, url }
}

/** A new user of a server that lets everybody register. */
export async function registerOn(
  { url }: Pick<TestSynapse, 'url'>,
  username: string,
): Promise<{ readonly token: string; readonly userId: string; readonly deviceId: string }> {
  const response = await fetch(`${url}/_matrix/client/v3/register`, {
    method: 'POST',
    body: JSON.stringify({ username, password: 'a password', auth: { type: 'm.login.dummy' } }),
  })
  const answer = (await response.json()) as Record<string, string>
  if (!response.ok) throw new Error(`cannot register ${username}: ${JSON.stringify(answer)}`)
  return { token: answer.access_token!, userId: answer.user_id!, deviceId: answer.device_id! }
}

async function untilUp(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_MS
  for (;;) {
    if (
      await fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return
    if (child.exitCode !== null || performance.now() > deadline) throw new Error('Synapse does not start')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}
