/** SQL text → what is said of it in metrics and logs, and its name as a prepared statement. Kept by text. */

import { createHash } from 'node:crypto'

export interface Statement {
  readonly text: string
  /** Undefined: not prepared by name. */
  readonly name: string | undefined
  /** Verb and first table, `select users`: the `desc` of metrics. Never has a value in it. */
  readonly description: string
  /** `SELECT`, `INSERT` … as Synapse's metrics call it. */
  readonly verb: string
  /** It changes nothing, so that it may be sent again where nobody knows whether it was done. */
  readonly isRead: boolean
}

export interface Statements {
  readonly of: (text: string) => Statement
  /** Tables were altered: from now on statements are prepared anew, under other names. */
  readonly renew: () => void
}

/** Texts are written in the sources, so there are few. Should one be put together at run time after all, no memory leaks. */
const MAX_KEPT = 2_000

export function makeStatements(isPrepared: boolean): Statements {
  let kept = new Map<string, Statement>()
  let generation = 0
  return {
    of(text) {
      const found = kept.get(text)
      if (found !== undefined) return found
      const isKept = kept.size < MAX_KEPT
      const name = isPrepared && isKept ? `${generation}_${hash(text)}` : undefined
      const statement = { text, name, ...describe(text), isRead: isRead(text) }
      if (isKept) kept.set(text, statement)
      return statement
    },
    renew() {
      generation++
      kept = new Map()
    },
  }
}

/**
 * None of these words is in it: what changes rows, takes locks, or is a function of Postgres' own (`pg_notify`, `setval`). A
 * number of a sequence that is lost with its answer is nobody's.
 */
const isRead = (text: string): boolean =>
  /^\s*(?:select|with)\b/i.test(text) &&
  !/\b(?:insert|update|delete|merge|truncate|lock|share|setval|pg_\w+)\b/i.test(text)

/** 96 bits; `pg` refuses a name that stands for two texts. Postgres cuts names at 63 bytes. */
const hash = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)

/** The last verb outside of parentheses is what a statement with `with …` does; the first table after it is enough. */
export function describe(text: string): { readonly verb: string; readonly description: string } {
  const outer = withoutParentheses(text)
  const verb = /\b(?:select|insert|update|delete|truncate|lock|begin|commit|rollback|listen|notify)\b/i.exec(outer)?.[0]
  if (verb === undefined) return { verb: 'OTHER', description: 'other' }
  const table = /\b(?:from|into|update)\s+(?:only\s+)?([a-z_][a-z0-9_]*)/i.exec(outer)?.[1]
  return {
    verb: verb.toUpperCase(),
    description: `${verb.toLowerCase()}${table === undefined ? '' : ` ${table.toLowerCase()}`}`,
  }
}

function withoutParentheses(text: string): string {
  let depth = 0
  let outer = ''
  for (const part of text.split(/([()])/)) {
    if (part === '(') depth++
    else if (part === ')') depth--
    else if (depth === 0) outer += `${part} `
  }
  return outer
}
