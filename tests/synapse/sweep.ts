/** Every row of the endpoint table, sent once through the edge: who served it, and is it the one that is to? */

import { createHmac } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TableEntry } from '../../shared/endpoints/table.ts'
import type { Stream } from '../../shared/endpoints/types.ts'
import { expectedProcesses, explainCommand } from './expected.ts'
import { joinRemotely, type RemoteServer } from './remote-server.ts'
import { Failed, table as printTable, progress, say } from './report.ts'
import { type Account, makeCast, makeRows, type Row, rowName } from './rows.ts'
import type { Answer } from './session.ts'
import type { Topology } from './topology.ts'
import type { World } from './world.ts'

/** What Synapse answers with 500 whoever passes it on, each with its reason; the process that has it must answer so when asked itself. */
const SYNAPSE_FAILS: readonly { readonly row: RegExp; readonly why: string }[] = [
  {
    row: /^GET \/_synapse\/admin\/v1\/rooms\/[^/]+\/hierarchy$/,
    why: 'a variable without a value, for a room that is not known (any more)',
  },
  {
    row: /^GET \/_synapse\/admin\/v1\/statistics\/database\/rooms$/,
    why: 'an assertion, while the database has no statistics yet',
  },
]

/** Registers through main's shared-secret API. */
const registerOn =
  ({ topology, traffic }: World) =>
  async (username: string, admin: boolean): Promise<Account> => {
    const base = `http://127.0.0.1:${topology.main.port}`
    const { nonce } = (await traffic.ask('GET', '/_synapse/admin/v1/register', { base })).json
    const password = 'a password'
    const mac = createHmac('sha1', topology.registrationSecret)
      .update([nonce, username, password, admin ? 'admin' : 'notadmin'].join('\0'))
      .digest('hex')
    const { status, json, text } = await traffic.ask('POST', '/_synapse/admin/v1/register', {
      base,
      body: { nonce, username, password, admin, mac },
    })
    if (status !== 200) throw new Failed(`registering ${username} with main: ${status} ${text}`)
    return { userId: json.user_id, deviceId: json.device_id, token: json.access_token }
  }

/** The processes that may answer by the table alone, without asking the router. */
const byTable = (
  topology: Topology,
  { endpoint }: TableEntry,
  version: readonly [number, number],
  target: string,
): readonly string[] => {
  const { served, since, until, mas } = endpoint
  const before = (a: readonly [number, number], b: readonly [number, number]) =>
    a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
  const names = (which: (one: Topology['processes'][number]) => boolean) =>
    topology.processes.filter(which).map(({ name }) => name)
  const resource = /^\/_matrix\/(federation|key)\//.test(target) ? 'federation' : 'client'
  const workers = names((one) => one !== topology.main && one.resources.includes(resource))
  if (served === 'media') return names(({ resources }) => resources.includes('media'))
  if ((since && before(version, since)) || (until && before(until, version))) return [topology.main.name, ...workers]
  if (mas === 'on' || served === 'sso') return [topology.main.name, ...workers]
  if (served === 'main') return [topology.main.name]
  if (served === 'generic') return workers
  return names(({ streams }) => streams.includes(served.writer satisfies Stream))
}

interface Result {
  readonly row: Row
  readonly answer?: Answer
  readonly error?: string
}

const unrecognized = ({ status, json }: Answer): boolean =>
  (status === 404 || status === 405) && json?.errcode === 'M_UNRECOGNIZED'

export const sweep = async (world: World, remote: RemoteServer, synapseVersion: string): Promise<void> => {
  const { topology, traffic, log, report, edge } = world
  const [major = 0, minor = 0] = synapseVersion.split('.').map(Number)
  const register = registerOn(world)
  const { cast, rows } = await progress('preparing users and rooms for the table', async () => {
    const cast = await makeCast(topology, traffic, register)
    // A member server may read the room.
    await joinRemotely(remote, cast.room, `@reader:${remote.name}`)
    return { cast, rows: await makeRows(topology, cast, register) }
  })

  const token = ({ entry, account = cast.user }: Row): string | undefined =>
    ({
      none: undefined,
      user: account.token,
      'user?': account.token,
      admin: cast.admin.token,
      appservice: cast.appserviceToken,
      federation: undefined,
    })[entry.endpoint.auth]
  const send = (row: Row, bearer: string | undefined, base?: string): Promise<Answer> =>
    traffic.ask(row.method, row.target, {
      ...(bearer === undefined ? {} : { token: bearer }),
      ...(row.body === undefined ? {} : { body: row.body }),
      ...(base === undefined ? {} : { base }),
    })

  const results: Result[] = []
  await progress(`sending the ${rows.length} requests of the endpoint table`, async () => {
    // One at a time, so that a failure is of its own making.
    for (const row of rows) {
      const signed = row.entry.endpoint.auth === 'federation'
      try {
        const answer = signed
          ? await remote.ask(row.method, row.target, row.body as never)
          : await send(row, token(row))
        results.push({ row, answer })
      } catch (error) {
        results.push({ row, error: error instanceof Error ? error.message : String(error) })
      }
    }
  })

  const answered = results.flatMap(({ row, answer }) => (answer ? [{ row, answer }] : []))
  const expected = await progress(`asking the ${edge.kind} where they belong`, () =>
    expectedProcesses(
      topology,
      edge,
      answered.map(({ row, answer }) => ({ method: row.method, target: row.target, token: answer.sent.token })),
    ),
  )

  /** What the process that has the endpoint says when it is asked itself. */
  const authority = ({ entry }: Row): string => {
    const one =
      entry.endpoint.served === 'media'
        ? topology.processes.find(({ resources }) => resources.includes('media'))!
        : topology.main
    return `http://127.0.0.1:${one.port}`
  }

  const wrong: string[][] = results.flatMap(({ row, error }) => (error ? [[rowName(row), '-', '-', '-', error]] : []))
  const failed = new Set<Row>(results.flatMap(({ row, error }) => (error ? [row] : [])))
  let closed = 0
  let good = 0
  const byProcess = new Map<string, number>()
  const record = ['request\tserved by\tstatus\terrcode\tpool\tendpoint']
  await log.read()
  for (const [i, { row, answer }] of answered.entries()) {
    const { processes, pool } = expected[i]!
    const served = await log.find(answer.sent.probe)
    const by = served.map(({ process }) => process)
    record.push([rowName(row), by, answer.status, answer.json?.errcode ?? '', pool, row.entry.name].join('\t'))
    for (const name of by) byProcess.set(name, (byProcess.get(name) ?? 0) + 1)
    const fail = (why: string) => {
      failed.add(row)
      wrong.push([rowName(row), String(answer.status), by.join(', ') || '-', `${processes.join(' | ')} (${pool})`, why])
    }
    if (by.length !== 1)
      fail(by.length === 0 ? `no process logged it (${answer.text.slice(0, 80)})` : 'served more than once')
    else {
      if (!processes.includes(by[0]!)) fail(`not where the ${edge.kind} says it goes`)
      // The documentation, which nginx follows, leaves to main some of what workers can serve.
      const allowed = [
        ...byTable(topology, row.entry, [major, minor], row.target),
        ...(edge.kind === 'nginx' ? ['main'] : []),
      ]
      if (!allowed.includes(by[0]!)) fail(`by the table: ${allowed.join(' | ')}`)
      if (served[0]!.status !== answer.status) fail(`the process answered ${served[0]!.status}`)
    }
    if (unrecognized(answer)) {
      const same = await send(row, answer.sent.token, authority(row))
      if (unrecognized(same)) closed++
      else fail(`${answer.json.errcode}; the process that has it answers ${same.status} ${same.json?.errcode ?? ''}`)
    } else if (answer.status >= 500) {
      const known = SYNAPSE_FAILS.some((one) => one.row.test(rowName(row)))
      if (!known || (await send(row, answer.sent.token, authority(row))).status !== answer.status)
        fail(answer.text.slice(0, 80))
    } else {
      if (answer.status < 300) good++
      const { served: kind } = row.entry.endpoint
      // A writer's endpoint proves that it is the writer only when it writes.
      if (typeof kind === 'object' && kind.hard && answer.status >= 300)
        fail(`nothing was written: ${answer.text.slice(0, 80)}`)
    }
  }
  await writeFile(join(topology.folder, 'answers.tsv'), `${record.join('\n')}\n`)
  if (wrong.length > 0) printTable(['request', 'status', 'served by', 'expected', 'why'], wrong)
  report.count(rows.length - failed.size, failed.size)
  say(
    `${failed.size === 0 ? 'ok   ' : 'FAIL '} endpoint table: ${rows.length - failed.size} of ${rows.length} requests served where they belong; ` +
      `${good} succeeded, ${closed} are closed in this deployment (the process that has them says so)`,
  )
  say(
    `      by process: ${[...byProcess]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, n]) => `${name} ${n}`)
      .join(', ')}`,
  )
}

/** Every request that the clients made so far: served where the router says it goes. */
export const heldAgainstRouter = async ({ topology, traffic, log, report, edge }: World): Promise<void> => {
  // A preflight is not logged by Synapse at INFO, and an abandoned request may have reached nobody.
  const sent = traffic.sent.filter(({ method, status }) => method !== 'OPTIONS' && status !== undefined)
  await report.group(
    `every request of the clients was served where the ${edge.kind} says`,
    async (t) => {
      const expected = await progress(`asking the ${edge.kind} about ${sent.length} requests`, () =>
        expectedProcesses(topology, edge, sent),
      )
      const wrong: string[][] = []
      for (const [i, one] of sent.entries()) {
        const by = (await log.find(one.probe)).map(({ process }) => process)
        if (by.length !== 1 || !expected[i]!.processes.includes(by[0]!)) {
          wrong.push([
            `${one.method} ${decodeURIComponent(one.target)}`,
            by.join(', ') || 'nobody',
            `${expected[i]!.processes.join(' | ')} (${expected[i]!.pool})`,
          ])
        }
      }
      if (wrong.length > 0) printTable(['request', 'served by', 'expected'], wrong)
      t.equal(wrong.length, 0, 'the number of requests served elsewhere')
      t.note(`${sent.length} requests`)
    },
    300_000,
  )
}

/** `router explain` and the running router are of one mind. */
export const commandExplains = async ({ topology, report, edge }: World): Promise<void> => {
  if (edge.kind !== 'router') return
  await report.group('router explain says what the running router says', async (t) => {
    for (const [method, target] of [
      ['GET', '/_matrix/client/v3/sync?timeout=0'],
      ['GET', '/_matrix/client/v3/sync?since=s1'],
      ['PUT', '/_matrix/client/v3/rooms/!a%3Ab/typing/%40c%3Ab'],
      ['PUT', '/_matrix/client/v3/rooms/!a%3Ab/send/m.room.message/1'],
      ['POST', '/_matrix/client/v3/logout'],
      ['GET', '/_matrix/client/v1/media/download/b/c'],
    ] as const) {
      const asked = { method, target, token: 'syt_YWxpY2U_abcdefghijklmnopqrst_0' }
      const [running] = await expectedProcesses(topology, edge, [asked])
      t.equal(await explainCommand(topology, edge, asked), running, `${method} ${target}`)
    }
  })
}
