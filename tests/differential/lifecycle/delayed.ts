import { setTimeout as sleep } from 'node:timers/promises'
import { inRoom, type Json, type Stage, V3 } from './play.ts'

const DELAYED = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events'
const later = (ms: number | string) => `org.matrix.msc4140.delay=${ms}`

/** Delayed events (MSC4140). */
export async function delayed(stage: Stage): Promise<void> {
  const { name, note, noted, history } = stage
  const [alice, bob, carol] = [await stage.user('alice'), await stage.user('bob'), await stage.user('carol')]
  const room = name(
    await alice.createRoom({
      members: [bob],
      room_version: '11',
      power_level_content_override: { users_default: 50, users: { [alice.userId]: 100 } },
    }),
    'delaying',
  )
  let count = 0
  const delay = async (what: string, user: typeof alice, path: string, content: object, method = 'PUT') => {
    const { delay_id: id } = await noted(`delay ${what}`, user, method, inRoom(room, path), content).then((body) => {
      if (body.delay_id !== undefined) name(body.delay_id, `delay${++count}`)
      return body
    })
    return id as string
  }
  // Its name is known from then on.
  const shown = (what: string, user: typeof alice, id: string) => noted(what, user, 'GET', `${DELAYED}/${id}`)
  const list = async (what: string, user: typeof alice) => {
    const { delayed_events: events } = await user.ask('GET', DELAYED)
    note(
      what,
      events.map((event: Json) => ({ ...event, delayed_since_ts: 0, running_since: 0 })),
    )
  }
  const text = (body: string) => ({ msgtype: 'm.text', body })

  await delay('without a number', alice, `send/m.room.message/a1?${later('x')}`, text('a'))
  await delay('a negative time', alice, `send/m.room.message/a2?${later(-5)}`, text('a'))
  await delay('too long', alice, `send/m.room.message/a3?${later(25 * 3_600_000)}`, text('a'))
  await delay('what makes no sense', alice, `send/m.room.message/a4?${later(1000)}`, { msgtype: 'm.text' })
  await delay('by a stranger', carol, `send/m.room.message/a5?${later(3_600_000)}`, text('a'))
  await noted('in no room', alice, 'PUT', inRoom('!nothere:hs.test', `send/m.room.message/a?${later(5)}`), text('a'))

  const soon = await delay('a message', alice, `send/m.room.message/b1?${later(600)}`, text('later'))
  note(
    'the same again',
    (await alice.ask('PUT', inRoom(room, `send/m.room.message/b1?${later(600)}`), text('later'))).delay_id === soon,
  )
  const state = await delay('state', alice, `state/org.example.a/k?${later(3_600_000)}`, { a: 1 })
  const named = await delay('state without a key', bob, `state/m.room.topic?${later(3_600_000)}`, { topic: 'late' })
  const topic = await delay('state with an empty key', alice, `state/m.room.topic/?${later(3_600_000)}`, { topic: 'b' })
  const leave = await delay('leaving', bob, `state/m.room.member/${bob.userId}?${later(3_600_000)}`, {
    membership: 'leave',
  })
  await shown('one', alice, state)
  await shown('another’s', bob, state)
  await shown('none', alice, 'syd_nothing')
  await list('alice waits', alice)
  await list('bob waits', bob)
  await list('carol waits', carol)

  await sleep(1_500)
  await list('alice waits no more for one', alice)
  const { chunk } = await alice.ask('GET', inRoom(room, 'messages?dir=b&limit=1'))
  note('what was sent', {
    content: chunk[0].content,
    unsigned: { ...chunk[0].unsigned, age: 0 },
    sender: chunk[0].sender,
  })
  const asBob = (await bob.ask('GET', inRoom(room, 'messages?dir=b&limit=1'))).chunk[0]
  note('… as bob sees it', { content: asBob.content, unsigned: { ...asBob.unsigned, age: 0 } })

  const act = (what: string, id: string, action: string, user?: typeof alice) =>
    noted(`${action} ${what}`, user, 'POST', `${DELAYED}/${id}/${action}`, {})
  await act('what was sent', soon, 'cancel')
  await act('what was sent', soon, 'restart')
  await act('what was sent', soon, 'send')
  await act('none', 'syd_nothing', 'cancel', alice)
  await act('state', state, 'restart', bob)
  await act('state', state, 'send')
  await act('state', state, 'send')
  for (const [what, body] of [
    ['no action', {}],
    ['an unknown action', { action: 'x' }],
    ['restart', { action: 'restart' }],
  ] as const)
    await noted(`of old: ${what}`, alice, 'POST', `${DELAYED}/${topic}`, body)

  // One's own state leaves one's own delayed events be, another's takes their place.
  await alice.ask('PUT', inRoom(room, 'state/m.room.topic/'), { topic: 'now' })
  await sleep(700)
  await list('alice waits, bob was overtaken', alice)
  await list('bob was overtaken', bob)
  await act('what was overtaken', named, 'send')
  await act('leaving', leave, 'send')
  const refused = await delay('what is not allowed', carol, `send/m.room.message/c1?${later(3_600_000)}`, text('a'))
  await act('what is not allowed', refused, 'send')
  await act('what is not allowed', refused, 'cancel')
  await noted('of old: cancel', undefined, 'POST', `${DELAYED}/${topic}`, { action: 'cancel' })
  await list('alice waits for nothing', alice)

  for (let i = 0; i < 4; i++)
    await delay('one too many', carol, `send/m.room.message/d${i}?${later(3_600_000)}`, text('a'))
  await noted('without a token', undefined, 'GET', DELAYED)
  const { capabilities } = await alice.ask('GET', `${V3}/capabilities`)
  note('what may be done', capabilities['org.matrix.msc4140.delayed_events'])
  await history('the room', alice, room)
}
