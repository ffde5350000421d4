import { inRoom, type Stage, V3 } from './play.ts'

export const smallSettings = {
  turn_uris: ['turn:turn.example.org'],
  turn_username: 'turner',
  turn_password: 'a secret',
  turn_user_lifetime: '2h',
  matrix_rtc: { transports: [{ type: 'livekit', url: 'wss://rtc.example.org', more: [1] }] },
}

/** Reports, look-ups without bridges, calls: requests that stand alone. */
export async function small(stage: Stage): Promise<void> {
  const { name, noted } = stage
  const [alice, bob, carol] = [await stage.user('alice'), await stage.user('bob'), await stage.user('carol')]
  const room = name(await alice.createRoom({ members: [bob] }), 'reported')
  const eventId = await alice.send(room, 'bad')
  const redacted = await alice.send(room, 'worse')
  await alice.ask('PUT', inRoom(room, `redact/${encodeURIComponent(redacted)}/1`), {})

  const event = (id: string, of = room) => inRoom(of, `report/${encodeURIComponent(id)}`)
  for (const [what, who, path, body] of [
    ['an event', bob, event(eventId), { reason: 'spam', score: -100 }],
    ['… again', bob, event(eventId), {}],
    ['… with more', bob, event(eventId), { x: 1 }],
    ['a reason that is none', bob, event(eventId), { reason: 1 }],
    ['a reason that is null', bob, event(eventId), { reason: null }],
    ['a score that is none', bob, event(eventId), { score: 'a' }],
    ['a score that is a fraction', bob, event(eventId), { score: 1.5 }],
    ['a score that is true', bob, event(eventId), { score: true }],
    ['by who is not there', carol, event(eventId), { reason: 'spam' }],
    ['an event that is not there', bob, event('$nothing'), { reason: 'spam' }],
    ['one of another room', bob, event(eventId, '!nothere:a.org'), { reason: 'spam' }],
    ['what is redacted', bob, event(redacted), { reason: 'spam' }],
    ['a room', carol, inRoom(room, 'report'), { reason: 'bad people' }],
    ['a room, without a reason', carol, inRoom(room, 'report'), {}],
    ['a room, for a reason that is none', carol, inRoom(room, 'report'), { reason: 1 }],
    ['a room that is not there', carol, inRoom('!nothere:a.org', 'report'), { reason: 'a' }],
    ['a user', carol, `${V3}/users/${encodeURIComponent(bob.userId)}/report`, { reason: 'rude' }],
    ['a user that is not there', carol, `${V3}/users/@nobody:hs.test/report`, { reason: 'rude' }],
    ['a user of another server', carol, `${V3}/users/@nobody:a.org/report`, { reason: 'rude' }],
    ['no user', carol, `${V3}/users/nobody/report`, { reason: 'rude' }],
    ['a user, at length', carol, `${V3}/users/${bob.userId}/report`, { reason: 'a'.repeat(1_001) }],
    ['a user, just not', carol, `${V3}/users/${bob.userId}/report`, { reason: 'ä'.repeat(1_000) }],
    ['a user, without a reason', carol, `${V3}/users/${bob.userId}/report`, {}],
  ] as const)
    await noted(`report: ${what}`, who, 'POST', path, body)

  for (const path of ['protocols', 'location', 'user', 'location/irc', 'user/irc?a=b', 'location?alias=%23a:hs.test'])
    await noted(`look up ${path}`, alice, 'GET', `${V3}/thirdparty/${path}`)
  await noted('look up without a token', undefined, 'GET', `${V3}/thirdparty/protocols`)

  await noted('where calls go', alice, 'GET', `${V3}/voip/turnServer`)
  await noted('what carries calls', alice, 'GET', '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports')
  await noted('where devices meet', undefined, 'POST', '/_matrix/client/unstable/org.matrix.msc4108/rendezvous', {})
  await noted('… otherwise', alice, 'GET', '/_matrix/client/unstable/io.element.msc4388/rendezvous')
}
