/** The same script on both servers, and what was seen, without what every server makes up for itself. */

import { ask, logIn, register, type User } from '../../harness/matrix-client.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers of either server
export type Json = any
export const V3 = '/_matrix/client/v3'
export const inRoom = (room: string, path: string) => `${V3}/rooms/${encodeURIComponent(room)}/${path}`

const plenty = { per_second: 1_000, burst_count: 1_000 }
export const limits = {
  rc_message: plenty,
  rc_registration: plenty,
  rc_joins: { local: plenty, remote: plenty },
  rc_joins_per_room: plenty,
  rc_invites: { per_room: plenty, per_user: plenty, per_issuer: plenty },
  rc_room_creation: plenty,
  rc_login: { address: plenty, account: plenty, failed_attempts: plenty },
  rc_reports: plenty,
  rc_delayed_event_mgmt: plenty,
  rc_third_party_invite: plenty,
}

export interface Stage {
  readonly url: string
  readonly serverName: string
  readonly user: (name: string) => Promise<User>
  /** From now on the ID is shown as `{as}`. */
  readonly name: (id: string, as: string) => string
  readonly note: (what: string, answer: Json) => void
  /** A request whose answer is noted: status and body. */
  readonly noted: (what: string, user: User | undefined, method: string, path: string, body?: unknown) => Promise<Json>
  /** A room's events, first to last, as its member sees them, or in no order: noted. */
  readonly history: (what: string, user: User, room: string, isSorted?: boolean) => Promise<void>
}

export type Seen = readonly (readonly [what: string, answer: Json])[]

export async function play(url: string, serverName: string, script: (stage: Stage) => Promise<void>): Promise<Seen> {
  const seen: (readonly [string, Json])[] = []
  const names = new Map<string, string>()
  const users = new Map<string, User>()
  const note: Stage['note'] = (what, answer) => void seen.push([what, plain(answer, names, serverName)])
  const stage: Stage = {
    url,
    serverName,
    async user(name) {
      const known =
        users.get(name) ?? (await register(url, name).catch(() => logIn(url, name, `the password of ${name}`)))
      users.set(name, known)
      return known
    },
    name(id, as) {
      names.set(id, as)
      return id
    },
    note,
    async noted(what, user, method, path, body) {
      const answer = await ask(url, method, path, { token: user?.token, body })
      // Refusals are worded otherwise.
      note(what, answer.status < 400 ? answer : { status: answer.status, errcode: answer.body?.errcode })
      return answer.body
    },
    async history(what, user, room, isSorted = false) {
      const { chunk } = await user.ask('GET', inRoom(room, 'messages?dir=f&limit=500'))
      const events = chunk.map((event: Json) => [event.type, event.state_key, event.sender, event.content])
      note(
        what,
        isSorted ? events.toSorted((a: Json, b: Json) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : events,
      )
    },
  }
  await script(stage)
  return seen
}

/** IDs by their names, or as the kind of ID they are; times are gone. */
function plain(value: Json, names: ReadonlyMap<string, string>, serverName: string): Json {
  let text = JSON.stringify(value) ?? 'null'
  for (const [id, as] of names) text = text.replaceAll(JSON.stringify(id).slice(1, -1), `{${as}}`)
  text = text
    .replaceAll(/\$[A-Za-z0-9_-]{43}|\$[A-Za-z0-9_-]{10,30}:[a-z.]+/g, '{event}')
    .replaceAll(/![A-Za-z0-9_-]{43}|![A-Za-z]{18}:[a-z.]+/g, '{room}')
    .replaceAll(/syd_[A-Za-z]{20}/g, '{delay}')
    .replaceAll(serverName, '{server}')
  return JSON.parse(text, (key, member: unknown) =>
    ['age', 'origin_server_ts', 'age_ts', 'retry_after_ms', 'running_since', 'delayed_since_ts'].includes(key)
      ? undefined
      : member,
  )
}
