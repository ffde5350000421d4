/** Pushers, threads that users follow, and account data that is removed, beside a real Synapse: asked the same, right and wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../harness/homeserver.ts'
import { ask, register, type User } from '../harness/matrix-client.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSynapse } from '../harness/synapse.ts'

const V3 = '/_matrix/client/v3'
const UNSTABLE = '/_matrix/client/unstable'
const settings = {
  experimental_features: { msc3391_enabled: true, msc3881_enabled: true, msc4306_enabled: true },
}

// biome-ignore lint/suspicious/noExplicitAny: answers of either server
type Json = any
type Seen = readonly (readonly [what: string, answer: Json])[]

async function play(url: string): Promise<Seen> {
  const seen: (readonly [string, Json])[] = []
  const users: Record<string, User> = { alice: await register(url, 'alice'), bob: await register(url, 'bob') }
  const names = new Map<string, string>()
  const plain = (value: Json): Json => {
    let text = JSON.stringify(value)
    for (const [id, as] of names) text = text.replaceAll(id, as)
    return JSON.parse(
      text.replaceAll(/"bump_stamp":\d+/g, '"bump_stamp":0').replaceAll(/"ts\d+"/g, '"ts"'),
      (key, of) => (key === 'error' ? undefined : of),
    )
  }
  const note = (what: string, { status, body }: Json) => seen.push([what, plain({ status, body })])
  const to = async (by: string, method: string, path: string, body?: unknown) => {
    const answer = await users[by]!.tryTo(method, path, body)
    let what = `${by} ${method} ${path} ${JSON.stringify(body)}`
    for (const [id, as] of names) what = what.replaceAll(encodeURIComponent(id), as).replaceAll(id, as)
    note(what, answer)
    return answer.body
  }

  const pusher = (more: object = {}) => ({
    kind: 'http',
    app_id: 'app',
    app_display_name: 'App',
    device_display_name: 'Phone',
    pushkey: 'key',
    lang: 'en',
    data: { url: 'https://push.test/_matrix/push/v1/notify', format: 'event_id_only' },
    ...more,
  })
  for (const { deviceId } of Object.values(users)) names.set(deviceId, 'DEVICE')
  const list = (by: string) => to(by, 'GET', `${V3}/pushers`)
  const set = (by: string, body: object) => to(by, 'POST', `${V3}/pushers/set`, body)
  await list('alice')
  await set('alice', pusher())
  await list('alice')
  await set('alice', pusher({ lang: 'de', profile_tag: 'tag', 'org.matrix.msc3881.enabled': false }))
  await list('alice')
  await set('alice', pusher({ pushkey: 'other', append: true }))
  await set('bob', pusher({ append: true }))
  await list('alice')
  await set('bob', pusher())
  await list('alice')
  await list('bob')
  for (const wrong of [
    pusher({ data: null }),
    pusher({ data: {} }),
    pusher({ data: { url: 5 } }),
    pusher({ data: { url: 'https://push.test/elsewhere' } }),
    pusher({ kind: 'email', pushkey: 'nobody@test.org' }),
    pusher({ kind: undefined }),
    pusher({ lang: undefined, data: undefined }),
    { kind: null },
  ])
    await set('alice', wrong)
  await set('alice', pusher({ kind: 'something', pushkey: 'else' }))
  await list('alice')
  await set('alice', { kind: null, app_id: 'app', pushkey: 'other' })
  await set('alice', { kind: null, app_id: 'app', pushkey: 'other' })
  await list('alice')
  const phone = await users.alice!.login()
  await phone.ask('POST', `${V3}/pushers/set`, pusher({ pushkey: 'phone' }))
  await phone.ask('POST', `${V3}/logout`, {})
  await list('alice')

  const data = `/user/${encodeURIComponent(users.alice!.userId)}`
  const room = await users.alice!.createRoom({ preset: 'public_chat', room_version: '11' })
  names.set(room, '!room')
  for (const path of [`${data}/account_data/im.x`, `${data}/rooms/${encodeURIComponent(room)}/account_data/im.y`]) {
    const removal = `${UNSTABLE}/org.matrix.msc3391${path}`
    await to('alice', 'DELETE', removal)
    await to('alice', 'PUT', V3 + path, { a: 1 })
    await to('alice', 'GET', V3 + path)
    await to('bob', 'DELETE', removal)
    await to('alice', 'DELETE', removal)
    await to('alice', 'GET', V3 + path)
    await to('alice', 'PUT', V3 + path, { a: 2 })
    await to('alice', 'PUT', V3 + path, {})
    await to('alice', 'GET', V3 + path)
    await to('alice', 'DELETE', removal.replace(/im\..$/, 'm.push_rules'))
  }
  const since = await users.alice!.since()
  await to('alice', 'PUT', `${V3}${data}/account_data/im.z`, { a: 1 })
  await to('alice', 'DELETE', `${UNSTABLE}/org.matrix.msc3391${data}/account_data/im.z`)
  const account = async (from?: string) => {
    const { account_data } = (await users.alice!.sync(from)) as Json
    return account_data?.events.filter(({ type }: Json) => type !== 'm.push_rules')
  }
  seen.push(['told of', await account(since)], ['and not when one begins', await account()])

  await users.bob!.join(room)
  const send = async (as: string, more: object = {}) => {
    const path = `${V3}/rooms/${encodeURIComponent(room)}/send/m.room.message/${as}`
    const { event_id: id } = await users.alice!.ask('PUT', path, { msgtype: 'm.text', body: as, ...more })
    names.set(id, `$${as}`)
    return id as string
  }
  const inThread = (root: string) => ({ 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  const root = await send('root')
  const reply = await send('reply', inThread(root))
  const other = await send('other')
  const subscription = (id: string, of = room) =>
    `${UNSTABLE}/io.element.msc4306/rooms/${encodeURIComponent(of)}/thread/${encodeURIComponent(id)}/subscription`
  const threads = (query: string) => to('bob', 'GET', `${UNSTABLE}/io.element.msc4308/thread_subscriptions?${query}`)
  await threads('dir=b')
  await threads('')
  await threads('dir=f')
  await threads('dir=b&limit=0')
  await threads('dir=b&from=x')
  await to('bob', 'GET', subscription(root))
  await to('bob', 'PUT', subscription(root), { automatic: other })
  await to('bob', 'PUT', subscription(root), { automatic: reply })
  await to('bob', 'GET', subscription(root))
  await to('bob', 'PUT', subscription(root), {})
  await to('bob', 'GET', subscription(root))
  await to('bob', 'PUT', subscription(root), { automatic: reply })
  await to('bob', 'GET', subscription(root))
  await to('bob', 'DELETE', subscription(root))
  await to('bob', 'DELETE', subscription(root))
  await to('bob', 'GET', subscription(root))
  await to('bob', 'PUT', subscription(root), { automatic: reply })
  const later = await send('later', inThread(root))
  await to('bob', 'PUT', subscription(root), { automatic: later })
  await to('bob', 'PUT', subscription(other), {})
  await threads('dir=b')
  await threads('dir=b&limit=1')
  await to('bob', 'PUT', subscription('$nothing'), {})
  await to('bob', 'PUT', subscription('nothing'), {})
  await to('bob', 'PUT', subscription(root, '!other:hs.test'), {})
  await to('bob', 'PUT', subscription(root, 'room'), {})
  await to('bob', 'PUT', subscription(root), { automatic: 5 })
  const hidden = await users.alice!.createRoom({})
  names.set(hidden, '!hidden')
  await to('bob', 'PUT', subscription(root, hidden), {})
  await to('bob', 'GET', subscription(root, hidden))
  const counts = async (what: string) => {
    const filter = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } })
    const { rooms } = (await users.bob!.sync(undefined, { filter, timeout: String(seen.length) })) as Json
    const { unread_notifications: main, unread_thread_notifications: ofThreads } = rooms.join[room]
    seen.push([what, plain({ main, ofThreads: ofThreads ?? {} })])
  }
  await send('of interest', inThread(root))
  await send('of none', inThread(other))
  await to('bob', 'DELETE', subscription(root))
  await send('of none any more', inThread(root))
  await counts('unread')

  const link = await ask(url, 'GET', `${UNSTABLE}/pushers/remove?access_token=x&app_id=a&pushkey=b`)
  seen.push(['a link that is none', { status: link.status >= 400 }])
  return seen
}

test('pushers, threads and removed account data are as Synapse has them', async (t) => {
  const postgres = await startPostgres({ atEnd: (work) => t.after(work) })
  const [ours, synapse] = await Promise.all([
    homeserver(t, postgres, { settings: { ...settings, enable_registration: true } }),
    startSynapse(t, settings),
  ])
  const [here, there] = [await play(ours.url), await play(synapse.url)]
  const different: string[] = []
  for (const [i, [what, answer]] of here.entries()) {
    const [whatThere, expected] = there[i]!
    assert.equal(what, whatThere)
    try {
      assert.deepEqual(answer, expected)
    } catch {
      different.push(what)
      console.log(what, '\nhere ', JSON.stringify(answer), '\nthere', JSON.stringify(expected))
    }
  }
  t.diagnostic(`${here.length} answers compared`)
  assert.deepEqual(different, [])
})
