import type { Random } from '../../../harness/random.ts'
import type { Action, MakeAction, Weighted } from '../action.ts'
import { anyRoom, type Model, type ModelDevice, words } from '../model.ts'

type Request = Pick<Action, 'method' | 'path' | 'body' | 'isUnordered'>

const by =
  (name: string, make: (by: ModelDevice, random: Random, model: Model) => Request | undefined): MakeAction =>
  (model, random) => {
    const device = random.pick(model.devices)
    const request = make(device, random, model)
    return request && { name, by: device.label, ...request }
  }

const own = ({ userId }: ModelDevice): string => `/v3/user/${encodeURIComponent(userId)}`
const TYPES = ['com.example.data', 'm.direct', 'com.example.other']
const TAGS = ['m.favourite', 'u.work', 'u.home']

const accountData = by('account data', (device, random, model) => {
  const room = random.oneIn(2) ? anyRoom(model, random) : undefined
  const path = `${own(device)}${room === undefined ? '' : `/rooms/${room.label}`}/account_data/${random.pick(TYPES)}`
  return random.oneIn(2) ? { method: 'GET', path } : { method: 'PUT', path, body: { n: random.int(10) } }
})

const ignore = by('ignore users', (device, random, model) => {
  const ignored = model.users.filter((userId) => userId !== device.userId && random.oneIn(5))
  const body = { ignored_users: Object.fromEntries(ignored.map((userId) => [userId, {}])) }
  return { method: 'PUT', path: `${own(device)}/account_data/m.ignored_user_list`, body }
})

const tags = by('tags', (device, random, model) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const path = `${own(device)}/rooms/${room.label}/tags`
  return random.pick<Request>([
    { method: 'GET', path },
    { method: 'PUT', path: `${path}/${random.pick(TAGS)}`, body: random.oneIn(2) ? { order: 0.25 } : {} },
    { method: 'DELETE', path: `${path}/${random.pick(TAGS)}` },
  ])
})

const filters = by('filters', (device, random) => {
  const path = `${own(device)}/filter`
  return random.oneIn(2)
    ? { method: 'GET', path: `${path}/${random.int(3)}` }
    : { method: 'POST', path, body: { room: { timeline: { limit: 1 + random.int(5) } } } }
})

const pushRules = by('push rules', (_device, random, model) => {
  const room = anyRoom(model, random)
  const all = '/v3/pushrules/'
  const rule = `${all}global/${random.pick([
    'override/.m.rule.master',
    'underride/.m.rule.message',
    'override/com.example.rule',
    'content/com.example.word',
    'sender/%40bob%3Ahs.test',
    room === undefined ? 'override/.m.rule.reaction' : `room/${room.label}`,
  ])}`
  const actions = random.pick([[], ['notify'], ['notify', { set_tweak: 'highlight' }]])
  const isContent = rule.includes('/content/')
  const isOverride = rule.includes('/override/')
  return random.pick<Request>([
    { method: 'GET', path: all },
    { method: 'GET', path: rule },
    { method: 'GET', path: `${rule}/enabled` },
    { method: 'GET', path: `${rule}/actions` },
    { method: 'PUT', path: `${rule}/enabled`, body: { enabled: !random.oneIn(3) } },
    { method: 'PUT', path: `${rule}/actions`, body: { actions } },
    { method: 'DELETE', path: rule },
    {
      method: 'PUT',
      path: rule,
      body: {
        actions,
        ...(isContent && { pattern: 'apple' }),
        ...(isOverride && { conditions: [{ kind: 'event_match', key: 'content.body', pattern: 'cloud*' }] }),
      },
    },
  ])
})

const profile = by('profile', (device, random, model) => {
  const field = random.pick(['displayname', 'displayname', 'avatar_url', 'm.tz', 'com.example.field'])
  const value = field === 'avatar_url' ? 'mxc://hs.test/me' : field === 'm.tz' ? 'Europe/London' : words(random)
  const path = `/v3/profile/${encodeURIComponent(random.oneIn(3) ? random.pick(model.users) : device.userId)}`
  return random.pick<Request>([
    { method: 'GET', path },
    { method: 'GET', path: `${path}/${field}` },
    { method: 'PUT', path: `${path}/${field}`, body: { [field]: value } },
    { method: 'DELETE', path: `${path}/${field}` },
  ])
})

const pushers = by('pushers', (_device, random) => {
  const pusher = {
    app_display_name: 'A client',
    app_id: 'test.client',
    data: { url: 'https://push.test/_matrix/push/v1/notify' },
    device_display_name: 'a phone',
    kind: random.oneIn(3) ? null : 'http',
    lang: 'en',
    pushkey: `key${random.int(2)}`,
  }
  return random.oneIn(2)
    ? { method: 'GET', path: '/v3/pushers' }
    : { method: 'POST', path: '/v3/pushers/set', body: pusher }
})

const presence = by('presence', (device, random, model) => {
  const path = (userId: string) => `/v3/presence/${encodeURIComponent(userId)}/status`
  const body = { presence: random.pick(['online', 'unavailable', 'offline']), status_msg: words(random) }
  return random.oneIn(2)
    ? { method: 'GET', path: path(random.pick(model.users)) }
    : { method: 'PUT', path: path(device.userId), body }
})

export const userDataActions: Weighted = [
  [8, accountData],
  [1, ignore],
  [5, tags],
  [3, filters],
  [9, pushRules],
  [7, profile],
  [2, pushers],
  [3, presence],
]
