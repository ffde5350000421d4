/**
 * `router explain`: what would happen to a request, and why. The decision is the data path's own (`decide` is handed in);
 * this file reads the request that was asked about and prints the answer, without its secrets.
 */

import { addressKey } from '../shared/config/address.ts'
import type { Sticky } from '../shared/endpoints/types.ts'
import { redactHeader, redactTarget, redactText } from '../shared/redact.ts'
import type { Exposure, RouterConfig } from './config/types.ts'
import type { Rule } from './routing/rule.ts'

export interface ExplainRequest {
  readonly method: string
  /** The request target, byte for byte. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Index in `listen`. */
  readonly listener: number
  /** The address of the client. */
  readonly clientIp: string
}

/** What the data path does with a request, in the order in which it decides. */
export interface Decision {
  /** What the target asks for, and whether the listener lets it through; undefined: it is nothing that is exposed. */
  readonly exposure: { readonly needs: Exposure | undefined; readonly allowed: boolean }
  /** Absent: no rule matches, so that `main` serves. */
  readonly rule?: Rule
  /** Rules after it that match too, in order: what would serve if it were not there. */
  readonly alsoMatching: readonly Rule[]
  /** The rule's pool, then those it falls back to, in the order in which they are tried. Empty: answered by the router. */
  readonly pools: readonly PoolDecision[]
  /** What the router answers itself, in place of a worker. */
  readonly answer?: { readonly status: number; readonly errcode: string; readonly reason: string }
}

export interface PoolDecision {
  readonly pool: string
  readonly strict: boolean
  /** Absent: the least loaded worker. */
  readonly key?: {
    readonly sticky: Sticky
    /** Where it was found: `syt_ token in Authorization`, `room ID in the path`, `client address`. */
    readonly from: string
    /** The key itself. What `secret` marks (a token, its hash) is not printed. */
    readonly value: string
    readonly secret: boolean
  }
  /** Best first. */
  readonly workers: readonly { readonly name: string; readonly state: 'live' | 'unknown' | 'down' | 'drained' }[]
}

export type Decide = (config: RouterConfig, rules: readonly Rule[], request: ExplainRequest) => Decision

/** Reads `PUT /_matrix/…`, `GET https://example.org/_matrix/…` or a whole request line; a string is a mistake. */
export const parseRequestLine = (line: string): { readonly method: string; readonly target: string } | string => {
  const split = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s+(\S+)(?:\s+HTTP\/1\.[01])?\s*$/.exec(line)
  if (!split) {
    return /^\s*(\/|https?:)/.test(line)
      ? `expected a method before the path: 'GET ${redactTarget(line.trim())}'`
      : `expected a request such as 'GET /_matrix/client/v3/sync', got ${JSON.stringify(redactText(line))}`
  }
  const target = split[2]!.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '')
  if (split[2] !== target && !target.startsWith('/')) return { method: split[1]!.toUpperCase(), target: `/${target}` }
  if (!target.startsWith('/') && target !== '*')
    return `expected a path that starts with /, got ${JSON.stringify(redactTarget(target))}`
  return { method: split[1]!.toUpperCase(), target }
}

/** Reads `Name: value`, as curl's -H; a string is a mistake. */
export const parseHeader = (text: string): readonly [name: string, value: string] | { readonly mistake: string } => {
  const split = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(text)
  return split
    ? [split[1]!, split[2]!]
    : { mistake: `expected a header such as 'Authorization: Bearer …', got ${JSON.stringify(redactText(text))}` }
}

const placeOf = ({ place, endpoint }: Rule): string =>
  place ? `${place.file}:${place.line}:${place.column}` : endpoint ? 'built-in table' : 'default'

/** What is printed, as data: nothing secret is in it. */
export const explanation = (config: RouterConfig, request: ExplainRequest, decision: Decision) => {
  const { rule, exposure, answer } = decision
  const listener = config.listen[request.listener]
  const ruleOf = (of: Rule) => ({
    name: of.name,
    match: of.match,
    methods: of.methods ?? null,
    ...(of.when && { when: of.when }),
    pool: of.pool,
    from: placeOf(of),
  })
  return {
    request: {
      method: request.method,
      target: redactTarget(request.target),
      headers: request.headers.map(([name, value]) => `${name}: ${redactHeader(name, value)}`),
      clientIp: request.clientIp,
    },
    listener: {
      address: listener
        ? `${listener.tls ? 'https://' : listener.address.kind === 'tcp' ? 'http://' : ''}${addressKey(listener.address)}`
        : '',
      exposes: listener?.expose ?? [],
      needs: exposure.needs ?? 'nothing that is ever exposed',
      allowed: exposure.allowed,
    },
    ...(answer && { answer }),
    ...(exposure.allowed && { rule: rule ? ruleOf(rule) : 'none matches: main' }),
    alsoMatching: decision.alsoMatching.map(ruleOf),
    pools: decision.pools.map(({ pool, strict, key, workers }) => ({
      pool,
      strict,
      ...(key && {
        key: {
          sticky: key.sticky,
          from: redactText(key.from),
          value: key.secret ? '<redacted>' : redactText(key.value),
        },
      }),
      workers,
    })),
  }
}

export type Explanation = ReturnType<typeof explanation>

const describeRule = (rule: Explanation['alsoMatching'][number]): readonly string[] => {
  const methods = rule.methods?.join(', ') ?? 'any method'
  const when = rule.when ? `, when ${JSON.stringify(rule.when)}` : ''
  return [
    rule.name === rule.match ? rule.from : `${rule.name} (${rule.from})`,
    `${rule.match}  ${methods}${when} → ${rule.pool}`,
  ]
}

/** For people: a block of labelled lines. */
export const printExplanation = (told: Explanation): string => {
  const lines: string[] = [`${told.request.method} ${told.request.target}`]
  const say = (label: string, [first = '', ...more]: readonly string[]) => {
    lines.push(`  ${label.padEnd(10)} ${first}`, ...more.map((line) => `  ${''.padEnd(10)} ${line}`))
  }
  const { listener } = told
  say('listener', [
    `${listener.address} exposes ${listener.exposes.join(', ')}`,
    listener.allowed ? `needs ${listener.needs}: let through` : `needs ${listener.needs}: refused`,
  ])
  if (told.rule !== undefined) say('route', typeof told.rule === 'string' ? [told.rule] : describeRule(told.rule))
  told.alsoMatching.forEach((rule, i) => {
    say(i === 0 ? 'then' : '', describeRule(rule))
  })
  told.pools.forEach(({ pool, strict, key, workers }, i) => {
    say(i === 0 ? 'pool' : 'fallback', [pool])
    say('key', [
      key
        ? `${key.sticky} ${key.value}, from ${key.from}${strict ? '; strict: its worker or nobody' : ''}`
        : 'none: the least loaded worker',
    ])
    say(
      'workers',
      workers.map(
        ({ name, state }, n) => `${key ? `${n + 1}. ` : ''}${name}${state === 'unknown' ? '' : `  ${state}`}`,
      ),
    )
  })
  if (told.answer)
    say('answer', [`${told.answer.status} ${told.answer.errcode}: ${told.answer.reason}, by the router itself`])
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
