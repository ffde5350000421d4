/** Aliases, the room directory, spaces and the user directory beside a real Synapse: the same requests, the same answers. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Homeserver, homeserver } from '../harness/homeserver.ts'
import { ask } from '../harness/matrix-client.ts'
import { startPostgres } from '../harness/postgres.ts'
import { names, type Step, steps } from './directory/steps.ts'

const postgres = await startPostgres()
const plenty = { per_second: 1e6, burst_count: 1e6 }

const settings = {
  allow_public_rooms_without_auth: true,
  alias_creation_rules: [{ alias: '#FORBIDDEN*', action: 'deny' }, { action: 'allow' }],
  room_list_publication_rules: [{ alias: '#unlisted:*', action: 'deny' }, { action: 'allow' }],
  rc_user_directory: plenty,
  rc_profile: plenty,
}

interface Side {
  readonly hs: Homeserver
  readonly tokens: ReadonlyMap<string, string>
  /** What was kept, and users' IDs. */
  readonly kept: Map<string, string>
}

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** On two other processes than those that are asked. */
const elsewhere = { run_background_tasks_on: 'background1', update_user_directory_from_worker: 'background1' }

/** An application service that nothing is sent to. Its file. */
function registration(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'appservice-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'irc.yaml')
  const namespaces = {
    users: [{ exclusive: true, regex: '@irc_.*:hs\\.test' }],
    aliases: [{ exclusive: true, regex: '#irc_.*:hs\\.test' }],
    rooms: [],
  }
  const content = { id: 'irc', url: null, as_token: AS_TOKEN, hs_token: 'h', sender_localpart: 'ircbot', namespaces }
  writeFileSync(file, JSON.stringify(content))
  return file
}
const AS_TOKEN = 'the token of the application service'

async function side(t: TestContext, flavour: 'plexus' | 'synapse'): Promise<Side> {
  const isOurs = flavour === 'plexus'
  const hs = await homeserver(t, postgres, {
    flavour,
    settings: { ...settings, app_service_config_files: [registration(t)], ...(isOurs && elsewhere) },
    ...(isOurs && { workers: ['client', 'background', 'persister', 'persister'] }),
  })
  const users = await hs.register(...names)
  const tokens = new Map<string, string>(users.map(({ token }, i) => [names[i]!, token]))
  tokens.set('admin', await registerAdmin(hs))
  tokens.set('irc', AS_TOKEN)
  return { hs, tokens, kept: new Map([...tokens.keys()].map((name) => [name, `@${name}:hs.test`])) }
}

async function registerAdmin({ folder, processes }: Homeserver): Promise<string> {
  const { place } = processes.get('main')!
  const url = 'path' in place ? `unix:${place.path}` : `http://127.0.0.1:${place.port}`
  const path = '/_synapse/admin/v1/register'
  const { nonce } = (await ask(url, 'GET', path)).body as { nonce: string }
  const secret = readFileSync(join(folder, 'secrets/registration_shared_secret'), 'utf8').trim()
  const mac = createHmac('sha1', secret).update([nonce, 'admin', 'a password', 'admin'].join('\0')).digest('hex')
  const made = await ask(url, 'POST', path, {
    body: { nonce, username: 'admin', password: 'a password', admin: true, mac },
  })
  assert.equal(made.status, 200, JSON.stringify(made.body))
  return made.body.access_token as string
}

const fill = (text: string, kept: ReadonlyMap<string, string>, encode = (value: string) => value): string =>
  text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => (kept.has(name) ? encode(kept.get(name)!) : whole))

async function send({ hs, tokens, kept }: Side, { who, method, path, body }: Step): Promise<Answer> {
  return ask(hs.url, method, `/_matrix/client${fill(path, kept, encodeURIComponent)}`, {
    token: tokens.get(who),
    ...(body !== undefined && { body: JSON.parse(fill(JSON.stringify(body), kept)) }),
  })
}

/** What every server makes up for itself, by what it stands for. */
function comparable({ status, body }: Answer, { kept }: Side): unknown {
  const names = new Map([...kept].map(([name, value]) => [value, `{${name}}`]))
  const plain = (value: unknown, key = ''): unknown => {
    if (Array.isArray(value)) {
      const items = value.map((item) => plain(item))
      // Of as many members, rooms come by their IDs.
      if (key === 'chunk') return items.sort((a, b) => membersOf(b) - membersOf(a) || inText(a, b))
      return unordered.has(key) ? items.sort(inText) : items
    }
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member, name)]))
    if (key === 'error') return 'told'
    if (key === 'origin_server_ts') return 'then'
    if (key === 'event_id') return 'an event'
    if (key === 'next_batch' || key === 'prev_batch') return 'a token'
    return typeof value === 'string' ? (names.get(value) ?? value) : value
  }
  return { status, body: plain(body) }
}
const inText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
const membersOf = (room: unknown): number => (room as { num_joined_members: number }).num_joined_members
/** Lists in no order that is said, or in that of room IDs. */
const unordered = new Set(['servers', 'aliases', 'joined', 'allowed_room_ids'])

const short = ({ status, body }: Answer): string =>
  body.errcode === undefined ? `${status}` : `${status} ${String(body.errcode)}`

/** Whatever follows the stream of events is a moment behind, on both sides. */
const SETTLE_MS = 4_000
const changesNothing = ({ method, path }: Step): boolean =>
  method === 'GET' || path.endsWith('/publicRooms') || path.endsWith('/user_directory/search')

function remember(step: Step, answer: Answer, { kept }: Side): void {
  if (step.keep !== undefined && typeof answer.body.room_id === 'string') kept.set(step.keep, answer.body.room_id)
  const { keepToken } = step
  if (keepToken !== undefined) kept.set(keepToken.name, String(answer.body[keepToken.from]))
}

test('aliases, room directory, spaces and user directory answer as Synapse does', async (t) => {
  let sides: readonly [Side, Side]
  try {
    sides = [await side(t, 'plexus'), await side(t, 'synapse')]
  } catch (error) {
    return t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
  }
  const differences: string[] = []
  for (const step of steps) {
    const what = `${step.who} ${step.method} ${step.path} ${step.body === undefined ? '' : JSON.stringify(step.body)}`
    const end = performance.now() + SETTLE_MS
    for (;;) {
      const [ours, theirs] = (await Promise.all(sides.map((one) => send(one, step)))) as [Answer, Answer]
      if (step.unlike !== undefined) {
        if (short(ours) !== step.unlike.ours || short(theirs) !== step.unlike.theirs)
          differences.push(`${what}: said to differ: ours ${short(ours)}, Synapse ${short(theirs)}`)
        break
      }
      if (ours.status === 200 && theirs.status === 200)
        for (const [i, answer] of [ours, theirs].entries()) remember(step, answer, sides[i]!)
      else if (step.keep !== undefined) differences.push(`${what}: ours ${short(ours)}, Synapse ${short(theirs)}`)
      const [left, right] = [comparable(ours, sides[0]), comparable(theirs, sides[1])].map((one) =>
        JSON.stringify(sorted(one)),
      )
      if (left !== right && changesNothing(step) && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        continue
      }
      if (left !== right) differences.push(`${what}\n  ours    ${left}\n  Synapse ${right}`)
      break
    }
  }
  assert.deepEqual(differences, [])
  t.diagnostic(`${steps.length} requests, ${steps.filter(({ unlike }) => unlike).length} of them differ as explained`)
})

/** Members in one order. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  )
}
