/** A program that answers questions, one JSON object a line. */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { canonicalJson } from '../../../shared/matrix/json/canonical.ts'
import type { JsonValue } from '../../../shared/matrix/json/value.ts'
import type { ResolveOptions } from '../../../shared/matrix/state-resolution/resolve.ts'
import type { Answer, Question } from '../question.ts'

export interface Oracle {
  /** With its version: `Synapse 1.163.2`. */
  readonly name: string
  /** It is asked of tame histories only: others it refuses to read where we and Synapse do not. */
  readonly tameOnly: boolean
  /** Which of the two readings of state resolution it has. */
  readonly follows: NonNullable<ResolveOptions['follow']>
  /** Questions may be asked while others wait for their answers; they are answered in order. */
  ask(question: Question): Promise<Answer>
  stop(): Promise<void>
}

/** Starts an oracle; throws what it said if it ends before its first line. */
export const startOracle = async (
  { follows, tameOnly }: Pick<Oracle, 'follows' | 'tameOnly'>,
  command: string,
  args: readonly string[],
): Promise<Oracle> => {
  const child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000)
  })
  child.stdin.on('error', () => {}) // told by the exit
  const waiting: { resolve(line: string): void; reject(error: Error): void }[] = []
  const next = () => new Promise<string>((resolve, reject) => waiting.push({ resolve, reject }))
  const exited = new Promise<void>((resolve) => {
    const end = (reason: string) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`${command} ended (${reason})\n${said}`))
      resolve()
    }
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, signal) => end(signal ?? `status ${code}`))
  })
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(line))

  const { oracle } = JSON.parse(await next()) as { oracle: string }
  return {
    name: oracle,
    follows,
    tameOnly,
    async ask(question) {
      const answer = next()
      child.stdin.write(`${canonicalJson(question as unknown as JsonValue)}\n`)
      return JSON.parse(await answer) as Answer
    },
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}
