/** The endpoint table as requests: every endpoint under every prefix, in each form that routing tells apart. */

import { type TableEntry, table } from '../../shared/endpoints/table.ts'
import { png } from './groups/media.ts'
import type { Answer, Traffic } from './session.ts'
import type { Topology } from './topology.ts'

export interface Row {
  readonly entry: TableEntry
  readonly method: string
  readonly target: string
  readonly body?: unknown
  /** Who asks, where it is not who asks all others. */
  readonly account?: Account
}

export interface Account {
  readonly userId: string
  readonly deviceId: string
  readonly token: string
}

export type RegisterUser = (name: string, admin: boolean) => Promise<Account>

/** What the requests of the table speak of. */
export interface Cast {
  readonly user: Account
  readonly admin: Account
  /** Whom the requests are about that are about another user; it comes to harm. */
  readonly victim: Account
  readonly appserviceToken: string
  readonly room: string
  /** A room for the requests that are about leaving, deleting, purging. */
  readonly doomed: string
  readonly alias: string
  readonly eventId: string
  readonly doomedEventId: string
  readonly mediaId: string
  readonly since: string
  readonly filterId: string
  readonly backupVersion: string
  readonly delayId: string
  readonly openidToken: string
}

const BACKUP = { algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2', auth_data: {} }

/** Makes the cast, by asking main itself: the edge has no part in it. */
export const makeCast = async (topology: Topology, traffic: Traffic, registerUser: RegisterUser): Promise<Cast> => {
  const base = `http://127.0.0.1:${topology.main.port}`
  const media = `http://127.0.0.1:${topology.processes.find(({ resources }) => resources.includes('media'))!.port}`
  const [user, admin, victim] = [
    await registerUser('sweeper', false),
    await registerUser('overseer', true),
    await registerUser('victim', false),
  ]
  const ask = async (method: string, path: string, body?: unknown, from = base): Promise<Answer['json']> => {
    const { status, json, text } = await traffic.ask(method, path, { token: user.token, base: from, body })
    if (status !== 200) throw new Error(`${method} ${path} on main, to prepare: ${status} ${text}`)
    return json
  }
  const createRoom = async (alias?: string): Promise<string> =>
    (
      await ask('POST', '/_matrix/client/v3/createRoom', {
        preset: 'public_chat',
        ...(alias ? { room_alias_name: alias } : {}),
      })
    ).room_id
  const say = async (room: string): Promise<string> =>
    (
      await ask('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/sweep`, {
        msgtype: 'm.text',
        body: 'x',
      })
    ).event_id
  const [room, doomed] = [await createRoom('sweep'), await createRoom()]
  const encoded = (path: string) => encodeURIComponent(path)
  const later = `/_matrix/client/v3/rooms/${encoded(room)}/send/m.room.message/later?org.matrix.msc4140.delay=3600000`
  return {
    user,
    admin,
    victim,
    appserviceToken: topology.appserviceToken,
    room,
    doomed,
    alias: `#sweep:${topology.serverName}`,
    eventId: await say(room),
    doomedEventId: await say(doomed),
    mediaId: (await ask('POST', '/_matrix/media/v3/upload', png(64), media)).content_uri.split('/').at(-1),
    since: (await ask('GET', '/_matrix/client/v3/sync?timeout=0')).next_batch,
    filterId: (await ask('POST', `/_matrix/client/v3/user/${encoded(user.userId)}/filter`, {})).filter_id,
    backupVersion: (await ask('POST', '/_matrix/client/v3/room_keys/version', BACKUP)).version,
    delayId: (await ask('PUT', later, { msgtype: 'm.text', body: 'later' })).delay_id,
    openidToken: (await ask('POST', `/_matrix/client/v3/user/${encoded(user.userId)}/openid/request_token`, {}))
      .access_token,
  }
}

const SESSION = { first_message_index: 1, forwarded_count: 0, is_verified: true, session_data: {} }

/**
 * Bodies that make an endpoint do its work; all others get `{}`, which most of them refuse after they have found out
 * what was asked. The endpoints of stream writers must be here: it is when they write that the wrong process fails.
 */
const BODIES: readonly (readonly [RegExp, (cast: Cast, n: number) => unknown])[] = [
  [/\/federation\/v2\/invite\//, () => ({ room_version: '11', event: {}, invite_room_state: [] })],
  [/\/typing\//, () => ({ typing: true, timeout: 1000 })],
  [/\/sendToDevice\//, ({ victim }) => ({ messages: { [victim.userId]: { '*': { n: 1 } } } })],
  [/\/read_markers$/, ({ eventId }) => ({ 'm.fully_read': eventId, 'm.read': eventId })],
  [/\/presence\//, () => ({ presence: 'online' })],
  [/\/pushrules\/.*\/actions$/, () => ({ actions: ['notify'] })],
  [/\/pushrules\/.*\/enabled$/, () => ({ enabled: true })],
  [/\/pushrules\//, () => ({ actions: ['notify'], pattern: 'x' })],
  [/\/(invite|kick|ban|unban)(\/|$)/, ({ victim }) => ({ user_id: victim.userId })],
  [/\/send\//, (_, n) => ({ msgtype: 'm.text', body: `row ${n}` })],
  [/\/state\//, (_, n) => ({ n })],
  [/\/displayname$/, () => ({ displayname: 'S' })],
  [/\/avatar_url$/, () => ({ avatar_url: 'mxc://example.org/x' })],
  [/\/profile\//, () => ({ 'org.example.field': 'x' })],
  [/\/room_keys\/version$/, () => BACKUP],
  [/\/room_keys\/version\//, ({ backupVersion }) => ({ ...BACKUP, version: backupVersion })],
  [/\/room_keys\/keys\/[^/]+\/[^/?]+$/, () => SESSION],
  [/\/room_keys\/keys\/[^/]+$/, () => ({ sessions: { a: SESSION } })],
  [/\/room_keys\/keys$/, ({ room }) => ({ rooms: { [room]: { sessions: { a: SESSION } } } })],
  [
    /\/3pid\/onbind$/,
    ({ user }) => ({ medium: 'email', address: 'nobody@example.org', mxid: user.userId, invites: [] }),
  ],
  [/\/keys\/query$/, () => ({ device_keys: {} })],
  [/\/keys\/upload/, () => ({ one_time_keys: {} })],
  [/\/keys\/claim$/, () => ({ one_time_keys: {} })],
  [/\/delete_devices$/, () => ({ devices: ['NONE'] })],
  [/\/user_directory\/search$/, () => ({ search_term: 'sweeper' })],
  [/\/search$/, () => ({ search_categories: { room_events: { search_term: 'x' } } })],
  [/\/directory\/room\//, ({ room }) => ({ room_id: room })],
  [/\/directory\/list\/room\//, () => ({ visibility: 'public' })],
  [/\/federation\/v1\/send\//, (_, n) => ({ origin: 'remote', origin_server_ts: n, pdus: [], edus: [] })],
]

/** Query arguments without which an endpoint has nothing to do. */
const queries = (cast: Cast): readonly (readonly [RegExp, string])[] => [
  [/\/keys\/changes$/, `from=${cast.since}&to=${cast.since}`],
  [/\/room_keys\/keys/, `version=${cast.backupVersion}`],
  [/\/openid\/userinfo$/, `access_token=${cast.openidToken}`],
  [/\/msc4308\/thread_subscriptions$|msc4308\/.*subscriptions$/, 'dir=b'],
  [/\/federation\/v1\/(state|state_ids)\//, `event_id=${encodeURIComponent(cast.eventId)}`],
  [/\/make_(join|knock)\//, 'ver=10&ver=11&ver=12'],
  [/\/registration_token\/validity$/, 'token=none'],
  [/\/(sync|events)$/, 'timeout=0'],
  [/\/messages$/, 'dir=b&limit=1'],
  [/\/timestamp_to_event/, 'ts=1&dir=f'],
  [/\/mutual_rooms$/, 'user_id=%40victim'],
  [/\/register\/available$/, 'username=nobody'],
  [/\/backfill\//, `v=${encodeURIComponent(cast.eventId)}&limit=1`],
  [/\/query\/directory$/, `room_alias=${encodeURIComponent(cast.alias)}`],
  [/\/query\/profile$/, `user_id=${encodeURIComponent(cast.victim.userId)}`],
  [/\/thumbnail\//, 'width=32&height=32'],
]

const fill = (entry: TableEntry, path: string, topology: Topology, cast: Cast, n: number, account: Account): string => {
  const doomed = /\/(leave|forget|upgrade|report)(\/|$)/.test(path) || path.startsWith('/_synapse/admin')
  const aboutOther = /^(admin|federation)\//.test(entry.file) || /\/(report|whois|suspend|lock)/.test(path)
  const values: Readonly<Record<string, string>> = {
    roomId: doomed ? cast.doomed : cast.room,
    roomIdOrAlias: doomed ? cast.doomed : cast.room,
    eventId: doomed ? cast.doomedEventId : cast.eventId,
    threadRootId: cast.eventId,
    userId: aboutOther ? cast.victim.userId : account.userId,
    deviceId: account.deviceId,
    // PUT makes aliases, DELETE removes them: each of its own.
    roomAlias: entry.endpoint.method === 'GET' ? cast.alias : `#sweep${n}:${topology.serverName}`,
    txnId: `row${n}`,
    serverName: topology.serverName,
    destination: topology.serverName,
    mediaId: cast.mediaId,
    fileName: 'file.txt',
    filterId: cast.filterId,
    version: cast.backupVersion,
    // Sent or cancelled it is gone: that is for one that never was.
    delayId: /\/(send|cancel)$/.test(path) || entry.name === 'updateDelayedEvent' ? 'x' : cast.delayId,
    appserviceId: 'bridge',
    eventType: path.includes('/state/') ? 'org.example.state' : 'm.room.message',
    type: 'org.example.sweep',
    relType: 'm.thread',
    receiptType: 'm.read',
    keyName: 'org.example.field',
    kind: path.includes('/{ruleId}') ? 'content' : 'override',
    // One a prefix: what one row deletes, the next is to find.
    ruleId: `rule-${path.split('/')[3]}`,
    tag: `u.${path.split('/')[3]}`,
    stateKey: 'a',
    medium: 'email',
    address: 'nobody@example.org',
    authType: 'm.login.dummy',
    queryType: 'profile',
  }
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? 'x'))
}

/**
 * Requests that end the session they are made with, and writes of profiles: Synapse answers 500 to a write that comes
 * before the tasks of the last one have ended ("Expected at most one task to cancel"), so each is a user's first.
 */
const needsOwnUser = (method: string, path: string): boolean =>
  /\/logout(\/all)?$/.test(path) || (method !== 'GET' && path.includes('/profile/'))

export const makeRows = async (topology: Topology, cast: Cast, registerUser: RegisterUser): Promise<readonly Row[]> => {
  const rows: Row[] = []
  for (const entry of table) {
    const { method, path, under, initialClass, optionalSlash } = entry.endpoint
    for (const prefix of under) {
      const n = rows.length
      const own = needsOwnUser(method, prefix + path) ? await registerUser(`row${n}`, false) : undefined
      const full = fill(entry, prefix + path, topology, cast, n, own ?? cast.user)
      const query = queries(cast).find(([pattern]) => pattern.test(full))?.[1]
      const body = ['PUT', 'POST', 'PATCH'].includes(method)
        ? (BODIES.find(([pattern]) => pattern.test(full))?.[1](cast, n) ?? {})
        : undefined
      const add = (target: string) =>
        rows.push({ entry, method, target, ...(body === undefined ? {} : { body }), ...(own ? { account: own } : {}) })
      const withQuery = (...more: string[]) =>
        [full, [...(query ? [query] : []), ...more].join('&')].filter(Boolean).join('?')
      add(withQuery())
      if (initialClass) {
        add(withQuery(`since=${cast.since}`))
        add(withQuery(`since=${cast.since}`, 'full_state=true'))
      }
      if (optionalSlash) add(`${full}/${query ? `?${query}` : ''}`)
    }
  }
  // What makes things first, what deletes them last.
  const rank = ({ method }: Row) => (method === 'PUT' ? 0 : method === 'DELETE' ? 2 : 1)
  return rows.sort((a, b) => rank(a) - rank(b))
}

/** How a row is called in tables: as the table writes it. */
export const rowName = ({ method, target }: Row): string => `${method} ${decodeURIComponent(target)}`
