/**
 * User-interactive authentication (client-server-api, "User-Interactive Authentication API"): a request is done when its
 * session has completed all stages of one flow. Which flows there are, what a stage checks, and where sessions are kept, is
 * handed in; a session may go on at another process.
 */

import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { statusOf } from './errors.ts'
import { json, type Reply } from './reply.ts'

export interface UiAuthSession {
  readonly id: string
  /** The request's body without `auth`, as it was last given. */
  readonly clientDict: JsonObject
  /** Of the request that began it: a session is good for that alone. */
  readonly target: string
  readonly method: string
  /** For people: what is going to be done. Shown by stages in a browser. */
  readonly description: string
}

export interface UiAuthSessions {
  create(session: Omit<UiAuthSession, 'id'>): Promise<UiAuthSession>
  /** Undefined: there is none, or it is too old. */
  find(id: string): Promise<UiAuthSession | undefined>
  setClientDict(id: string, clientDict: JsonObject): Promise<void>
  /** With a result that is true in some way: the user's ID for a password. */
  complete(id: string, stage: string, result: JsonValue): Promise<void>
  /** Results by stage. */
  completed(id: string): Promise<Readonly<Record<string, JsonValue>>>
  /** What the server keeps with it, that no client sees: the hash of a new password. */
  setData(id: string, key: string, value: JsonValue): Promise<void>
  data(id: string, key: string): Promise<JsonValue | undefined>
  /** From where it was carried on. */
  seenFrom(id: string, userAgent: string, ip: string): Promise<void>
}

/** What a stage knows of the request. */
export interface StageContext {
  readonly sessionId: string
  readonly clientIp: string
}

export interface Stage {
  /**
   * The result, if the `auth` object passes. Undefined: it does not yet. Throws MatrixError where it fails: with 401 or 403
   * the client is told and may try again, with 400 the request is refused.
   */
  check(auth: JsonObject, context: StageContext): Promise<JsonValue | undefined>
  /** What clients need to know for it: `params` of the answer. */
  readonly params?: JsonObject
}

/** By type: `m.login.password`. */
export type Stages = Readonly<Record<string, Stage>>

export interface UiAuthRequest {
  readonly method: string
  readonly target: string
  readonly clientIp: string
  readonly userAgent: string
}

export interface UiAuthAttempt {
  readonly request: UiAuthRequest
  /** Any one of them is enough; the order of stages is the client's affair. */
  readonly flows: readonly (readonly string[])[]
  /** The body, `auth` included. */
  readonly body: JsonObject
  readonly description: string
  /** Who asks, where that is known: nobody else can go on with the session, or profit from what is completed in it. */
  readonly userId?: string
  /** Kept with a new session. */
  readonly newSessionData?: Readonly<Record<string, JsonValue>>
  /** Stages besides the usual ones: the user's password, which only this request knows the owner of. */
  readonly stages?: Stages
}

export type UiAuthOutcome =
  | {
      readonly done: true
      readonly sessionId: string
      /** Results by stage. */
      readonly completed: Readonly<Record<string, JsonValue>>
      /** The body without `auth`: of this request or, where it has nothing else, of an earlier one. */
      readonly body: JsonObject
    }
  /** The answer to be given: 401, with what is still to do. */
  | { readonly done: false; readonly sessionId: string; readonly reply: Reply }

export interface UiAuth {
  /** Takes the request one step further. Throws for a session that is not its own, and what stages throw with 400. */
  attempt(attempt: UiAuthAttempt): Promise<UiAuthOutcome>
  /** Completes a stage from outside, as the web fallback does. Throws what the stage throws. */
  completeStage(stage: string, auth: JsonObject, context: StageContext): Promise<void>
}

export interface UiAuthDeps {
  readonly sessions: UiAuthSessions
  readonly stages: Stages
}

export function makeUiAuth({ sessions, stages }: UiAuthDeps): UiAuth {
  /** The session that the request goes on with, or a new one, and the body it stands for. */
  async function sessionOf(attempted: UiAuthAttempt, id: string | undefined) {
    const { request, description, newSessionData, userId } = attempted
    const { auth: _, ...clientDict } = attempted.body
    if (id === undefined) {
      const session = await sessions.create({ clientDict, target: request.target, method: request.method, description })
      const data = { ...newSessionData, ...(userId !== undefined && { [OWNER]: userId }) }
      for (const [key, value] of Object.entries(data)) await sessions.setData(session.id, key, value)
      return { session, clientDict }
    }
    const session = await sessions.find(id)
    if (session === undefined) throw new MatrixError('M_UNKNOWN', `Unknown session ID: ${id}`)
    if (session.target !== request.target || session.method !== request.method)
      throw new MatrixError('M_UNKNOWN', CHANGED, {}, 403)
    if (userId !== undefined && (await sessions.data(id, OWNER)) !== userId)
      throw new MatrixError('M_FORBIDDEN', 'The session is not yours')
    if (Object.keys(clientDict).length === 0) return { session, clientDict: session.clientDict }
    await sessions.setClientDict(id, clientDict)
    return { session, clientDict }
  }

  async function attempt(attempted: UiAuthAttempt): Promise<UiAuthOutcome> {
    const { request, flows, body } = attempted
    const auth = authOf(body)
    const all = { ...stages, ...attempted.stages }
    const { session, clientDict } = await sessionOf(attempted, sessionIdOf(auth))
    const { id } = session
    await sessions.seenFrom(id, request.userAgent, request.clientIp)
    if (Object.keys(auth).length === 0) return notYet(id, flows, all)

    let failure: MatrixError | undefined
    if (auth.type !== undefined) {
      const stage = typeof auth.type === 'string' && Object.hasOwn(all, auth.type) ? all[auth.type] : undefined
      if (stage === undefined) throw new MatrixError('M_INVALID_PARAM', 'Invalid login submission')
      try {
        const result = await stage.check(auth, { sessionId: id, clientIp: request.clientIp })
        if (result !== undefined) await sessions.complete(id, auth.type as string, result)
      } catch (error) {
        if (!(error instanceof MatrixError) || ![401, 403].includes(statusOf(error))) throw error
        failure = error
      }
    }
    const completed = await sessions.completed(id)
    if (flows.some((flow) => flow.every((stage) => Object.hasOwn(completed, stage)))) {
      const isAnother = (stage: string) => Object.hasOwn(completed, stage) && completed[stage] !== attempted.userId
      if (attempted.userId !== undefined && NAMES_USER.some(isAnother))
        throw new MatrixError('M_FORBIDDEN', 'Invalid auth')
      return { done: true, sessionId: id, completed, body: clientDict }
    }
    return notYet(id, flows, all, Object.keys(completed), failure)
  }

  return {
    attempt,
    async completeStage(type, auth, context) {
      if ((await sessions.find(context.sessionId)) === undefined)
        throw new MatrixError('M_UNKNOWN', `Unknown session ID: ${context.sessionId}`)
      if (!Object.hasOwn(stages, type)) throw new MatrixError('M_INVALID_PARAM', `Unknown UIA stage type: ${type}`)
      const result = await stages[type]!.check(auth, context)
      if (result !== undefined) await sessions.complete(context.sessionId, type, result)
    },
  }
}

/** Stages whose result is the ID of the user who passed: it has to be who asks. */
const NAMES_USER = ['m.login.password', 'm.login.sso']
/** Synapse's name for it in `ui_auth_sessions.serverdict`. */
const OWNER = 'request_user_id'
const CHANGED = 'Requested operation has changed during the UI authentication session.'

/** `null`, as some clients send it, is none. */
function authOf({ auth }: JsonObject): JsonObject {
  if (auth === undefined || auth === null) return {}
  if (!isObject(auth)) throw new MatrixError('M_BAD_JSON', 'auth: must be an object')
  return auth
}

function sessionIdOf({ session }: JsonObject): string | undefined {
  if (session === undefined || session === null || session === '') return undefined
  if (typeof session !== 'string') throw new MatrixError('M_BAD_JSON', 'auth.session: must be a string')
  return session
}

function notYet(
  sessionId: string,
  flows: UiAuthAttempt['flows'],
  stages: Stages,
  completed?: readonly string[],
  failure?: MatrixError,
): UiAuthOutcome {
  const params: Record<string, JsonObject> = {}
  for (const stage of flows.flat()) {
    const known = Object.hasOwn(stages, stage) ? stages[stage]!.params : undefined
    if (known !== undefined) params[stage] = known
  }
  const body = {
    session: sessionId,
    flows: flows.map((flow) => ({ stages: flow })),
    params,
    ...(completed && { completed }),
    ...(failure && { errcode: failure.errcode, error: failure.message, ...failure.extra }),
  }
  return { done: false, sessionId, reply: json(body, { status: 401 }) }
}

/** Needs nothing but to be asked for: `m.login.dummy`. */
export const dummyStage: Stage = { check: async () => true }

/** `m.login.terms`: asked for, the policies are taken as accepted. `policies`: by name, as clients show them. */
export const termsStage = (policies: JsonObject): Stage => ({ check: async () => true, params: { policies } })

export interface PasswordStageDeps {
  /** The user whose password it is, by `identifier` (or the older `user`); undefined: wrong, or no such user. */
  checkPassword(identifier: JsonObject, password: string): Promise<string | undefined>
}

/** `m.login.password`: its result is whose password it is. */
export const passwordStage = ({ checkPassword }: PasswordStageDeps): Stage => ({
  async check(auth) {
    const { password, user } = auth
    const identifier = isObject(auth.identifier)
      ? auth.identifier
      : typeof user === 'string'
        ? { type: 'm.id.user', user }
        : undefined
    if (typeof password !== 'string') throw new MatrixError('M_INVALID_PARAM', 'Bad parameter: password')
    if (identifier === undefined) throw new MatrixError('M_INVALID_PARAM', 'Invalid login submission')
    const userId = await checkPassword(identifier, password)
    if (userId === undefined) throw new MatrixError('M_FORBIDDEN', 'Invalid username or password')
    return userId
  },
})
