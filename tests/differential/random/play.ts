/**
 * The same script of random actions at two homeservers, theirs a real Synapse: what was answered differently. A script follows
 * from its seed and from what was answered.
 */

import { type Answer, ask, makeUser } from '../../harness/matrix-client.ts'
import { makeRandom, type Random } from '../../harness/random.ts'
import { type Action, isRead, type MakeAction, type Weighted } from './action.ts'
import { deviceActions } from './actions/devices.ts'
import { directoryActions } from './actions/directory.ts'
import { eventActions } from './actions/events.ts'
import { readingActions } from './actions/reading.ts'
import { roomActions } from './actions/rooms.ts'
import { userDataActions } from './actions/user-data.ts'
import { type Difference, differencesOf } from './differences.ts'
import { type Explained, explained } from './explained.ts'
import { type ModelDevice, makeModel } from './model.ts'
import { makeNames, type Side } from './names.ts'
import { normalOf } from './normal.ts'

export interface Server {
  readonly url: string
}

export interface Found {
  /** Of the action in the script, from 1. */
  readonly step: number
  readonly action: Action
  readonly differences: readonly Difference[]
}

export interface Played {
  readonly found: readonly Found[]
  /** How often each explanation was needed. */
  readonly explained: ReadonlyMap<string, number>
  /** How often each action was done, and how often with success. */
  readonly unserved: ReadonlySet<string>
  readonly done: ReadonlyMap<string, { readonly times: number; readonly succeeded: number }>
}

export interface PlayOptions {
  readonly ours: Server
  readonly theirs: Server
  readonly seed: number
  readonly actions: number
  readonly onFound?: (found: Found) => void
  readonly onDone?: (step: number, action: Action, ours: Answer, theirs: Answer) => void
}

const USERS = ['alice', 'bob', 'carol', 'dave', 'erin'] as const
const DEVICES = [2, 2, 1, 1, 1]
const WEIGHTED: Weighted = [
  ...roomActions,
  ...eventActions,
  ...readingActions,
  ...userDataActions,
  ...deviceActions,
  ...directoryActions,
]
const TOTAL = WEIGHTED.reduce((sum, [weight]) => sum + weight, 0)
/** Another process may not have heard of a change yet: reads are asked again, after so many milliseconds. */
const PATIENCE_MS = [20, 60, 200, 500]

const choose = (random: Random): MakeAction => {
  let at = random.int(TOTAL)
  for (const [weight, make] of WEIGHTED) {
    at -= weight
    if (at < 0) return make
  }
  throw new Error('unreachable')
}

export const play = async ({
  ours,
  theirs,
  seed,
  actions,
  onFound = () => {},
  onDone = () => {},
}: PlayOptions): Promise<Played> => {
  const random = makeRandom(seed)
  const names = makeNames()
  const model = makeModel(USERS, DEVICES)
  const urls: Readonly<Record<Side, string>> = { ours: ours.url, theirs: theirs.url }
  const tokens = { ours: await tokensAt(ours.url, model.devices), theirs: await tokensAt(theirs.url, model.devices) }

  const found: Found[] = []
  const done = new Map<string, { times: number; succeeded: number }>()
  const request = async (side: Side, action: Action): Promise<Answer | undefined> => {
    const path = names.spoken(side, action.path, encodeURIComponent)
    const body = action.body === undefined ? undefined : names.spoken(side, JSON.stringify(action.body))
    if (path === undefined || (action.body !== undefined && body === undefined)) return undefined
    return ask(urls[side], action.method, `/_matrix/client${path}`, {
      token: tokens[side].get(action.by)!,
      ...(body !== undefined && { body: JSON.parse(body) }),
    })
  }
  /** By name of the action. */
  const unserved = new Set<string>()
  /** Undefined: something that it speaks of is not known, or it is not served. */
  const both = async (action: Action) => {
    if (unserved.has(action.name)) return undefined
    const asked = request('ours', action)
    // Only of what was never served is it waited for: else both are asked at once.
    if (!done.has(action.name)) {
      const first = await asked
      if (first?.status === 404 && first.body.errcode === 'M_UNRECOGNIZED') unserved.add(action.name)
      if (first === undefined || unserved.has(action.name)) return undefined
    }
    const [our, their] = await Promise.all([asked, request('theirs', action)])
    if (our === undefined || their === undefined) return undefined
    const ourNormal = normalOf(our.body, 'ours', names, action)
    const theirNormal = normalOf(their.body, 'theirs', names, action)
    const differences = differencesOf(
      { status: our.status, body: ourNormal.value },
      { status: their.status, body: theirNormal.value },
    )
    const pairs = ourNormal.unknown.map((id, i) => [id, theirNormal.unknown[i]] as const)
    const bodies = { ours: ourNormal.value, theirs: theirNormal.value }
    return {
      our,
      their,
      differences,
      bodies,
      pairs: ourNormal.unknown.length === theirNormal.unknown.length ? pairs : [],
    }
  }

  const needed = new Map<string, number>()
  for (let step = 1; step <= actions; ) {
    const action = choose(random)(model, random)
    if (action === undefined) continue
    let result = await both(action)
    if (result === undefined) continue
    step++
    if (isRead(action))
      for (const patience of PATIENCE_MS) {
        if (result.differences.every((difference) => isExplained(difference, action, result!.bodies, model))) break
        await new Promise((resolve) => setTimeout(resolve, patience))
        result = (await both(action))!
      }
    const { our, their, differences, bodies, pairs } = result
    onDone(step - 1, action, our, their)
    const isSuccess = our.status === 200 && their.status === 200
    const count = done.get(action.name) ?? { times: 0, succeeded: 0 }
    done.set(action.name, { times: count.times + 1, succeeded: count.succeeded + (isSuccess ? 1 : 0) })
    const unexplained: Difference[] = []
    const said = our.status === their.status ? [] : [{ at: 'said', ours: our.body.error, theirs: their.body.error }]
    for (const difference of differences) {
      const reason = explained.find(({ is }) => is(difference, action, bodies, model))
      if (reason === undefined) unexplained.push(difference)
      else needed.set(reason.why, (needed.get(reason.why) ?? 0) + 1)
    }
    if (differences.length === 0)
      for (const [ourId, theirId] of pairs)
        if (theirId !== undefined && !names.pair(ourId, theirId))
          unexplained.push({
            at: 'an ID',
            ours: names.labelOf('ours', ourId),
            theirs: names.labelOf('theirs', theirId),
          })
    if (unexplained.length > 0) {
      const one = { step: step - 1, action, differences: [...said, ...unexplained] }
      found.push(one)
      onFound(one)
    }
    if (!isSuccess) continue
    for (const [label, member] of Object.entries(action.binds ?? {}))
      names.bind(label, our.body[member], their.body[member])
    action.onSuccess?.()
  }
  return { found, explained: needed, done, unserved }
}

const isExplained = (...asked: Parameters<Explained['is']>): boolean => explained.some(({ is }) => is(...asked))

/** Registers the users, and logs all devices in. By label. */
async function tokensAt(url: string, devices: readonly ModelDevice[]): Promise<ReadonlyMap<string, string>> {
  const tokens = new Map<string, string>()
  const seen = new Set<string>()
  for (const { label, userId, deviceId } of devices) {
    const username = userId.slice(1, userId.indexOf(':'))
    const password = `the password of ${username}`
    const device = { device_id: deviceId, initial_device_display_name: deviceId }
    const answer = seen.has(userId)
      ? await ask(url, 'POST', '/_matrix/client/v3/login', {
          body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: username }, password, ...device },
        })
      : await ask(url, 'POST', '/_matrix/client/v3/register', {
          body: { username, password, auth: { type: 'm.login.dummy' }, ...device },
        })
    seen.add(userId)
    if (answer.status !== 200) throw new Error(`${userId} cannot be made: ${JSON.stringify(answer.body)}`)
    tokens.set(label, makeUser(url, answer.body, password).token)
  }
  return tokens
}
