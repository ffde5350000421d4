/** The data path's decision about one request, with its reasons: for `router explain` and the admin address. */

import type { Sticky } from '../shared/endpoints/types.ts'
import { type KeySource, keyHash, NO_KEY } from './balancing/key.ts'
import { hashText, preference } from './balancing/ring.ts'
import type { Exposure, PoolConfig } from './config/types.ts'
import type { Decide, Decision, ExplainRequest, PoolDecision } from './explain.ts'
import { canonicalAddress } from './forward/addresses.ts'
import { forbidden } from './forward/exposure.ts'
import { refusals } from './forward/refusal.ts'
import { matches } from './routing/in-order.ts'
import { methodBit } from './routing/method.ts'
import type { Rule } from './routing/rule.ts'
import { compileTrie } from './routing/trie.ts'

const EXPOSURES: readonly Exposure[] = ['client', 'federation', 'admin']

/** Whether a worker answers, as far as is known; the command line knows nothing of that. */
export type StateOf = (worker: string) => 'live' | 'down' | 'unknown'

export const makeDecide =
  (stateOf: StateOf = () => 'unknown'): Decide =>
  (config, rules, request) => {
    const target = Buffer.from(request.target, 'latin1')
    const lets = (exposes: readonly Exposure[]) => !forbidden(target, 0, target.length, new Set(exposes))
    const exposure = {
      needs: EXPOSURES.find((one) => lets([one])),
      allowed: lets(config.listen[request.listener]?.expose ?? []),
    }
    if (!exposure.allowed) {
      const { status, errcode } = refusals.notExposed
      return {
        exposure,
        alsoMatching: [],
        pools: [],
        answer: { status, errcode, reason: 'the listener does not expose it' },
      }
    }
    const index = compileTrie(rules).find(target, 0, target.length, methodBit(request.method))
    const rule = rules[index]
    const [path = '', query = ''] = splitOnce(request.target, '?')
    const poolName = rule?.pool ?? 'main'
    const { fallback, strict } = config.pools.get(poolName)!
    return {
      exposure,
      ...(rule && { rule }),
      alsoMatching:
        index < 0 ? [] : rules.slice(index + 1).filter((later) => matches(later, path, query, request.method)),
      pools: [poolName, ...(strict ? [] : fallback)].map((name) =>
        decidePool(config.pools.get(name)!, rule, request, target, stateOf),
      ),
    } satisfies Decision
  }

const splitOnce = (text: string, separator: string): string[] => {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

const decidePool = (
  pool: PoolConfig,
  rule: Rule | undefined,
  request: ExplainRequest,
  target: Buffer,
  stateOf: StateOf,
): PoolDecision => {
  const authorization = request.headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? ''
  const bytes = Buffer.concat([target, Buffer.from(authorization, 'latin1')])
  const source: KeySource = {
    bytes,
    targetStart: 0,
    targetEnd: target.length,
    authorizationStart: authorization === '' ? 0 : target.length,
    authorizationEnd: authorization === '' ? 0 : bytes.length,
    clientAddress: canonicalAddress(request.clientIp) ?? request.clientIp,
  }
  let sticky = pool.sticky
  let hash = sticky === undefined ? NO_KEY : keyHash(sticky, source)
  if (sticky !== undefined && hash === NO_KEY && rule?.endpoint?.sticky !== undefined) {
    sticky = rule.endpoint.sticky
    hash = keyHash(sticky, source)
  }
  const members = pool.workers.map(({ name, weight }) => ({ name, seed: hashText(name), weight }))
  const order = hash === NO_KEY ? members.map((_, i) => i) : preference(hash, members)
  return {
    pool: pool.name,
    strict: pool.strict,
    ...(hash !== NO_KEY && {
      key: { sticky: sticky!, ...describeKey(sticky!, request.target, authorization, source) },
    }),
    workers: order.map((i) => {
      const { name, drain } = pool.workers[i]!
      return { name, state: drain ? 'drained' : stateOf(name) }
    }),
  }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What the key is and where it was found, for people. {@link keyHash} is what decides. */
const describeKey = (
  sticky: Sticky,
  target: string,
  authorization: string,
  { clientAddress }: KeySource,
): { readonly from: string; readonly value: string; readonly secret: boolean } => {
  const address = { from: 'the client address', value: clientAddress, secret: false }
  const path = splitOnce(target, '?')[0]!
  switch (sticky) {
    case 'user': {
      const where = authorization === '' ? 'access_token=' : 'Authorization'
      const token =
        authorization === ''
          ? (new URLSearchParams(splitOnce(target, '?')[1]?.replaceAll('+', '%2B')).get('access_token') ?? '')
          : authorization.replace(/^bearer +/i, '')
      const localpart = /^syt_([^_]+)_/.exec(token)?.[1]
      return localpart === undefined
        ? { from: `the whole token in ${where}`, value: token, secret: true }
        : {
            from: `the syt_ token in ${where}`,
            value: Buffer.from(localpart, 'base64').toString('utf8'),
            secret: false,
          }
    }
    case 'token':
      return { from: 'the access token', value: '', secret: true }
    case 'room': {
      const room = /\/rooms\/([^/]+)/.exec(path)?.[1] ?? /\/((?:[!#]|%21|%23)[^/]*)/.exec(path)?.[1] ?? ''
      return { from: 'the room in the path', value: decoded(room), secret: false }
    }
    case 'origin': {
      const origin = /[\s,]origin="?([^",\s]+)/i.exec(authorization)?.[1]
      return origin === undefined ? address : { from: 'origin in X-Matrix', value: origin.toLowerCase(), secret: false }
    }
    case 'media':
      return { from: 'the media ID in the path', value: decoded(path), secret: false }
    case 'uri':
      return { from: 'the request target', value: decoded(path), secret: false }
    case 'source_ip':
      return address
  }
}
