/** The same requests in the same order to a real Synapse and to a process of ours, and the same answers from both. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { startProcess } from './deployment.ts'
import { freePort } from './free-port.ts'
import { inReverse } from './in-reverse.ts'
import { type MailReceiver, startMailReceiver } from './mail-receiver.ts'
import type { TestPostgres } from './postgres.ts'
import { startSynapse } from './synapse.ts'

export interface Request {
  readonly method: string
  readonly path: string
  /** An object is sent as JSON. `{name}` in its strings, in `path` and in `token` is what was kept under that name. */
  readonly body?: object | string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Kept from the answer: name → member. */
  readonly keep?: Readonly<Record<string, string>>
  /** Of the answer only status and errcode count: the words are pydantic's, or those of a page. */
  readonly loose?: true
  /** What Synapse answers otherwise, and why that is not wanted. */
  readonly unlike?: string
}

/** A mail to that address must come, with a link: kept as `link`, its arguments as `token`, `sid`, `client_secret`. */
export interface MailStep {
  readonly mailTo: string
}

/** Nothing else goes on while this is waited for. */
export interface PauseStep {
  readonly pauseMs: number
}

export type Step = Request | MailStep | PauseStep

const V3 = '/_matrix/client/v3'
const pathOf = (path: string): string => (/^(?:\/_|\{)/.test(path) ? path : V3 + path)
const withBody =
  (method: string) =>
  (path: string, body: object | string, more: Partial<Request> = {}): Request => ({
    method,
    path: pathOf(path),
    body,
    ...more,
  })
export const post = withBody('POST')
export const put = withBody('PUT')
export const get = (path: string, more: Partial<Request> = {}): Request => ({
  method: 'GET',
  path: pathOf(path),
  ...more,
})

export interface Side {
  readonly url: string
  readonly mail: MailReceiver
}

export interface Both {
  readonly synapse: Side
  readonly ours: Side
}

/** Undefined, and the test skipped, where Synapse cannot be had. */
export async function startBothServers(
  t: TestContext,
  postgres: TestPostgres,
  settings: Readonly<Record<string, unknown>>,
  /** Of each side, where they must differ: folders, ports. */
  own: (side: { readonly mail: MailReceiver }) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<Both | undefined> {
  const theirMail = await startMailReceiver(t)
  let synapse: { readonly url: string }
  try {
    synapse = await startSynapse(t, { ...settings, ...own({ mail: theirMail }) })
  } catch (error) {
    t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
    return undefined
  }
  const mail = await startMailReceiver(t)
  const url = await startOurs(t, postgres, { ...settings, ...own({ mail }) })
  return { synapse: { url: synapse.url, mail: theirMail }, ours: { url, mail } }
}

/** A main process, configured as the Synapse that `startSynapse` starts. */
export async function startOurs(
  t: TestContext,
  postgres: TestPostgres,
  settings: Readonly<Record<string, unknown>>,
): Promise<string> {
  const scope = inReverse(t)
  const database = await postgres.emptyDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'ours-'))
  scope.after(async () => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const [host] = database.hosts
  const file = join(folder, 'homeserver.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      server_name: 'hs.test',
      public_baseurl: 'https://hs.test/',
      serve_server_wellknown: true,
      listeners: [
        {
          type: 'http',
          port,
          bind_addresses: ['127.0.0.1'],
          resources: [{ names: ['client', 'federation', 'consent'] }],
        },
      ],
      database: {
        name: 'psycopg2',
        args: {
          host: host!.host,
          port: host!.port,
          user: database.user,
          database: database.database,
          sslmode: 'disable',
        },
      },
      media_store_path: join(folder, 'media'),
      signing_key_path: join(folder, 'signing.key'),
      macaroon_secret_key: 'm',
      form_secret: 'f',
      report_stats: false,
      trusted_key_servers: [],
      enable_registration: true,
      enable_registration_without_verification: true,
      ...settings,
    }),
  )
  await startProcess(scope, 'master', [file], { host: '127.0.0.1', port }).up()
  return `http://127.0.0.1:${port}`
}

type Kept = Map<string, string>
const fill = (text: string, kept: Kept): string =>
  text.replace(/\{(\w+)\}/g, (_, name) => kept.get(name) ?? `{${name}}`)

async function ask(
  url: string,
  step: Request,
  kept: Kept,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const { method, path, body, token, headers } = step
  const response = await fetch(url + fill(path, kept), {
    method,
    redirect: 'manual',
    headers: { ...headers, ...(token !== undefined && { Authorization: `Bearer ${fill(token, kept)}` }) },
    ...(body !== undefined && { body: fill(typeof body === 'string' ? body : JSON.stringify(body), kept) }),
  })
  const text = await response.text()
  let json: unknown = text === '' && response.status === 302 ? response.headers.get('Location') : text
  try {
    json = JSON.parse(text)
  } catch {
    // a page
  }
  for (const [name, member] of Object.entries(step.keep ?? {}))
    kept.set(name, (json as Record<string, string>)[member] ?? 'nothing')
  return { status: response.status, json }
}

async function takeMail({ mail }: Side, to: string, kept: Kept): Promise<void> {
  const { text } = await mail.next(to)
  const link = /https:\/\/hs\.test(\/\S+)/.exec(text)?.[1]
  assert.ok(link, text)
  kept.set('link', link)
  for (const [name, value] of new URLSearchParams(link.slice(link.indexOf('?')))) kept.set(name, value)
}

/** What differs from one to the other by chance, by what it looks like. */
function shapeOf(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => shapeOf(item))
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, member]) => [name, shapeOf(member, name)] as const)
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  if (['expires_in_ms', 'retry_after_ms'].includes(key) && typeof value === 'number')
    return Math.round(value / 10_000) * 10_000
  if (['last_seen_ts', 'last_seen', 'last_seen_ip', 'validated_at', 'added_at'].includes(key)) return 'by chance'
  if (typeof value !== 'string') return value
  if (key === 'access_token' || key === 'refresh_token' || key === 'login_token')
    return value.replace(/_[a-zA-Z]{20}_[0-9A-Za-z]{6}$/, '_random').replace(/^[a-zA-Z]{24}$/, 'random')
  if (key === 'session') return value.replace(/^[a-zA-Z]{24}$/, 'a session')
  if (key === 'sid') return value.replace(/^[a-zA-Z]{16}$/, 'a session')
  if (key === 'device_id') return value.replace(/^[A-Z]{10}$/, 'A DEVICE')
  if (key === '' && /^https?:/.test(value)) return value.replace(/sid=\w+/, 'sid=a session')
  return value
}

const looseShape = (json: unknown): unknown =>
  typeof json === 'object' && json !== null ? (json as { errcode?: unknown }).errcode : 'a page'

/** Throws with all that differs. */
export async function compareAnswers(t: TestContext, { synapse, ours }: Both, steps: readonly Step[]): Promise<void> {
  const kept = [new Map<string, string>(), new Map<string, string>()] as const
  const differences: string[] = []
  let explained = 0
  for (const step of steps) {
    if ('pauseMs' in step) {
      await new Promise((resolve) => setTimeout(resolve, step.pauseMs))
      continue
    }
    if ('mailTo' in step) {
      for (const [i, side] of [synapse, ours].entries())
        await takeMail(side, step.mailTo, kept[i]!).catch((error: Error) =>
          differences.push(`${i === 0 ? 'Synapse' : 'ours'}: a mail to ${step.mailTo}: ${error.message}`),
        )
      continue
    }
    const answers = [await ask(synapse.url, step, kept[0]), await ask(ours.url, step, kept[1])]
    const [a, b] = answers.map(
      ({ status, json }) => `${status} ${JSON.stringify(step.loose ? looseShape(json) : shapeOf(json))}`,
    )
    const what = `${step.method} ${step.path} ${JSON.stringify(step.body ?? '')}`
    if (step.unlike !== undefined) {
      explained++
      if (a === b) differences.push(`${what}\n  is alike, though: ${step.unlike}`)
    } else if (a !== b) differences.push(`${what}\n  Synapse ${a}\n  ours    ${b}`)
  }
  assert.equal(differences.join('\n'), '')
  t.diagnostic(`${steps.length - explained} answers alike, ${explained} differences explained`)
}
