import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, JsonValue } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import {
  dummyStage,
  makeUiAuth,
  passwordStage,
  termsStage,
  type UiAuthAttempt,
  type UiAuthOutcome,
  type UiAuthSession,
  type UiAuthSessions,
} from '../../../worker/http/ui-auth.ts'

/** What `ui_auth_sessions` keeps. */
function makeSessions(): UiAuthSessions {
  const sessions = new Map<
    string,
    { session: UiAuthSession; done: Record<string, JsonValue>; data: Record<string, JsonValue> }
  >()
  return {
    async create(fields) {
      const session = { ...fields, id: `session ${sessions.size}` }
      sessions.set(session.id, { session, done: {}, data: {} })
      return session
    },
    find: async (id) => sessions.get(id)?.session,
    async setClientDict(id, clientDict) {
      const entry = sessions.get(id)!
      entry.session = { ...entry.session, clientDict }
    },
    async complete(id, stage, result) {
      sessions.get(id)!.done[stage] = result
    },
    completed: async (id) => sessions.get(id)!.done,
    async setData(id, key, value) {
      sessions.get(id)!.data[key] = value
    },
    data: async (id, key) => sessions.get(id)?.data[key],
    async seenFrom() {},
  }
}

const request = { method: 'POST', target: '/_matrix/client/v3/register', clientIp: '192.0.2.1', userAgent: '' }
const policies = { privacy: { version: '1' } }
const registering = (body: JsonObject, more: Partial<UiAuthAttempt> = {}): UiAuthAttempt => ({
  request,
  flows: [['m.login.dummy', 'm.login.terms'], ['m.login.token']],
  body,
  description: 'register',
  ...more,
})
const auth = () =>
  makeUiAuth({
    sessions: makeSessions(),
    stages: {
      'm.login.dummy': dummyStage,
      'm.login.terms': termsStage(policies),
      'm.login.token': {
        async check({ token }) {
          if (token === undefined) throw new MatrixError('M_MISSING_PARAM', 'Missing registration token')
          if (token !== 'good') throw new MatrixError('M_UNAUTHORIZED', 'Invalid registration token')
          return token
        },
      },
    },
  })

const told = (outcome: UiAuthOutcome): Record<string, unknown> => {
  assert.ok(!outcome.done)
  assert.equal(outcome.reply.status, 401)
  return JSON.parse(outcome.reply.body as string)
}

test('a request without auth is told flows, params and a session', async () => {
  for (const body of [{ username: 'a' }, { username: 'a', auth: null }, { auth: {} }])
    assert.deepEqual(told(await auth().attempt(registering(body))), {
      session: 'session 0',
      flows: [{ stages: ['m.login.dummy', 'm.login.terms'] }, { stages: ['m.login.token'] }],
      params: { 'm.login.terms': { policies } },
    })
})

test('stages are completed one by one, and the first body is remembered', async () => {
  const ui = auth()
  const { session } = told(await ui.attempt(registering({ username: 'alice', password: 'x' })))
  const half = told(await ui.attempt(registering({ auth: { type: 'm.login.terms', session: session as string } })))
  assert.deepEqual(half.completed, ['m.login.terms'])
  assert.equal(half.errcode, undefined)
  const last = await ui.attempt(registering({ auth: { type: 'm.login.dummy', session: session as string } }))
  assert.ok(last.done)
  assert.deepEqual(last.body, { username: 'alice', password: 'x' })
  assert.deepEqual(Object.keys(last.completed), ['m.login.terms', 'm.login.dummy'])
})

test('a stage that fails is told with its error, and may be tried again', async () => {
  const ui = auth()
  const failed = told(await ui.attempt(registering({ auth: { type: 'm.login.token', token: 'bad' } })))
  assert.equal(failed.errcode, 'M_UNAUTHORIZED')
  assert.equal(failed.error, 'Invalid registration token')
  assert.deepEqual(failed.completed, [])
  const session = failed.session as string
  const done = await ui.attempt(registering({ auth: { type: 'm.login.token', token: 'good', session } }))
  assert.ok(done.done)
})

test('what makes no sense is refused', async () => {
  const ui = auth()
  const refused: readonly [JsonObject, string, string][] = [
    [{ auth: 'x' }, 'M_BAD_JSON', 'auth: must be an object'],
    [{ auth: { session: 5 } }, 'M_BAD_JSON', 'auth.session: must be a string'],
    [{ auth: { session: 'nope' } }, 'M_UNKNOWN', 'Unknown session ID: nope'],
    [{ auth: { type: 'm.login.unknown' } }, 'M_INVALID_PARAM', 'Invalid login submission'],
    [{ auth: { type: 'toString' } }, 'M_INVALID_PARAM', 'Invalid login submission'],
    [{ auth: { type: 'm.login.token' } }, 'M_MISSING_PARAM', 'Missing registration token'],
  ]
  for (const [body, errcode, message] of refused)
    await assert.rejects(ui.attempt(registering(body)), { errcode, message }, JSON.stringify(body))
})

test('a session is good for one operation and one user', async () => {
  const ui = auth()
  const { session } = told(await ui.attempt(registering({ a: 1 }, { userId: '@alice:a' })))
  const next = { auth: { type: 'm.login.token', token: 'good', session: session as string } }
  const elsewhere = { request: { ...request, target: '/_matrix/client/v3/account/password' }, userId: '@alice:a' }
  await assert.rejects(ui.attempt(registering(next, elsewhere)), { errcode: 'M_UNKNOWN', status: 403 })
  await assert.rejects(ui.attempt(registering(next, { userId: '@mallory:a' })), { errcode: 'M_FORBIDDEN' })
  assert.ok((await ui.attempt(registering(next, { userId: '@alice:a' }))).done)
})

test('a password proves the user who asks and no other', async () => {
  const checkPassword = async ({ user }: JsonObject, password: string) =>
    password === 'right' ? `@${String(user)}:a` : undefined
  const stages = { 'm.login.password': passwordStage({ checkPassword }) }
  const asAlice = (fields: JsonObject) =>
    auth().attempt(
      registering(
        { auth: { type: 'm.login.password', ...fields } },
        { stages, flows: [['m.login.password']], userId: '@alice:a' },
      ),
    )
  const identifier = { type: 'm.id.user', user: 'alice' }
  assert.ok((await asAlice({ identifier, password: 'right' })).done)
  assert.ok((await asAlice({ user: 'alice', password: 'right' })).done, 'the form of old clients')
  assert.equal(told(await asAlice({ identifier, password: 'wrong' })).errcode, 'M_FORBIDDEN')
  await assert.rejects(asAlice({ identifier: { user: 'bob' }, password: 'right' }), {
    errcode: 'M_FORBIDDEN',
    message: 'Invalid auth',
  })
  await assert.rejects(asAlice({ identifier }), { errcode: 'M_INVALID_PARAM' })
  await assert.rejects(asAlice({ password: 'right' }), { errcode: 'M_INVALID_PARAM' })
})

test('a stage is completed from outside', async () => {
  const ui = auth()
  const { session } = told(await ui.attempt(registering({ username: 'a' })))
  const context = { sessionId: session as string, clientIp: '' }
  await assert.rejects(ui.completeStage('m.login.token', { token: 'bad' }, context), { errcode: 'M_UNAUTHORIZED' })
  await assert.rejects(ui.completeStage('constructor', {}, context), { errcode: 'M_INVALID_PARAM' })
  await ui.completeStage('m.login.token', { token: 'good' }, context)
  assert.ok((await ui.attempt(registering({ auth: { session: session as string } }))).done)
})
