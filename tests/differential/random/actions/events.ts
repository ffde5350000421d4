import type { Random } from '../../../harness/random.ts'
import type { Action, MakeAction, Weighted } from '../action.ts'
import {
  anyEvent,
  anyRoom,
  type Model,
  type ModelDevice,
  type ModelEvent,
  type ModelRoom,
  someoneIn,
  words,
} from '../model.ts'

const sendAs = (
  name: string,
  model: Model,
  room: ModelRoom,
  by: ModelDevice,
  type: string,
  content: object,
  onSuccess?: () => void,
): Action => {
  const label = model.fresh('event')
  return {
    name,
    by: by.label,
    method: 'PUT',
    path: `/v3/rooms/${room.label}/send/${type}/t${model.count()}`,
    body: content,
    binds: { [label]: 'event_id' },
    onSuccess() {
      room.events.push({ label, sender: by.userId, type, isRoot: false })
      onSuccess?.()
    },
  }
}

/** About an event that is there. */
const about =
  (make: (model: Model, random: Random, room: ModelRoom, event: ModelEvent, by: ModelDevice) => Action): MakeAction =>
  (model, random) => {
    const room = anyRoom(model, random)
    const event = room && anyEvent(random, room)
    return event && make(model, random, room, event, someoneIn(model, random, room))
  }

const message: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const mentions = random.oneIn(6)
    ? { 'm.mentions': random.oneIn(2) ? { user_ids: [random.pick(model.users)] } : { room: true } }
    : {}
  const content = {
    msgtype: random.pick(['m.text', 'm.text', 'm.notice', 'm.emote']),
    body: words(random),
    ...mentions,
  }
  return sendAs('send a message', model, room, someoneIn(model, random, room), 'm.room.message', content)
}

const custom: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const content = { n: random.int(1_000_000), deep: { list: [1, null, true, '\u{1f600}'] } }
  return sendAs('send an event', model, room, someoneIn(model, random, room), 'com.example.event', content)
}

const edit = about((model, random, room, event) => {
  const body = words(random)
  const by = model.devices.find(({ userId }) => userId === event.sender)!
  return sendAs('edit', model, room, by, 'm.room.message', {
    msgtype: 'm.text',
    body: `* ${body}`,
    'm.new_content': { msgtype: 'm.text', body },
    'm.relates_to': { rel_type: 'm.replace', event_id: event.label },
  })
})

const react = about((model, random, room, event, by) =>
  sendAs('react', model, room, by, 'm.reaction', {
    'm.relates_to': { rel_type: 'm.annotation', event_id: event.label, key: random.pick(['👍', '🎉', 'x']) },
  }),
)

const inThread = about((model, random, room, event, by) =>
  sendAs(
    'send into a thread',
    model,
    room,
    by,
    'm.room.message',
    {
      msgtype: 'm.text',
      body: words(random),
      'm.relates_to': { rel_type: 'm.thread', event_id: event.label },
    },
    () => {
      event.isRoot = true
    },
  ),
)

const reply = about((model, random, room, event, by) =>
  sendAs('reply', model, room, by, 'm.room.message', {
    msgtype: 'm.text',
    body: words(random),
    'm.relates_to': { 'm.in_reply_to': { event_id: event.label } },
  }),
)

const refer = about((model, _random, room, event, by) =>
  sendAs('refer', model, room, by, 'com.example.reference', {
    'm.relates_to': { rel_type: 'm.reference', event_id: event.label },
  }),
)

const redact = about((model, random, room, event, by) => {
  const label = model.fresh('event')
  return {
    name: 'redact',
    by: by.label,
    method: 'PUT',
    path: `/v3/rooms/${room.label}/redact/${event.label}/r${model.count()}`,
    body: random.oneIn(2) ? { reason: words(random) } : {},
    binds: { [label]: 'event_id' },
  }
})

/** The same twice is once. */
const again: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const by = someoneIn(model, random, room)
  const label = `<again.${room.label.slice(1, -1)}.${by.label}>`
  return {
    name: 'send by one transaction ID',
    by: by.label,
    method: 'PUT',
    path: `/v3/rooms/${room.label}/send/m.room.message/again`,
    body: { msgtype: 'm.text', body: words(random) },
    binds: { [label]: 'event_id' },
  }
}

const receipt = about((_model, random, room, event, by) => {
  const thread = random.pick([undefined, undefined, 'main', event.label])
  return {
    name: 'send a receipt',
    by: by.label,
    method: 'POST',
    path: `/v3/rooms/${room.label}/receipt/${random.pick(['m.read', 'm.read', 'm.read.private', 'm.fully_read'])}/${event.label}`,
    body: thread === undefined ? {} : { thread_id: thread },
  }
})

const marker = about((_model, random, room, event, by) => ({
  name: 'set the read marker',
  by: by.label,
  method: 'POST',
  path: `/v3/rooms/${room.label}/read_markers`,
  body: { 'm.fully_read': event.label, ...(random.oneIn(2) && { 'm.read': event.label }) },
}))

const report = about((_model, _random, room, event, by) => ({
  name: 'report an event',
  by: by.label,
  method: 'POST',
  path: `/v3/rooms/${room.label}/report/${event.label}`,
  body: { reason: 'bad' },
}))

export const eventActions: Weighted = [
  [45, message],
  [6, custom],
  [8, edit],
  [10, react],
  [10, inThread],
  [5, reply],
  [3, refer],
  [7, redact],
  [2, again],
  [10, receipt],
  [4, marker],
  [1, report],
]
