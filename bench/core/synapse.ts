/** Synapse's functions in a process of their own, asked with one line of JSON and answering with one. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Room } from './room.ts'
import type { Clock, Work } from './row.ts'

export interface Synapse {
  /** `Synapse 1.163.2, Python 3.11.7`. */
  readonly name: string
  /** Has it make ready what `work` describes. Its answer, to be compared. */
  prepare(row: number, work: Work): Promise<unknown>
  /** µs of its CPU, for `count` times the row's work. */
  run(row: number, count: number, clock: Clock): Promise<number>
  stop(): Promise<void>
}

/** Events of a room in one line. */
const CHUNK = 1000

/** @param python the interpreter of a virtual environment with Synapse */
export async function startSynapse(python: string): Promise<Synapse> {
  const child = spawn(python, [join(import.meta.dirname, 'ask_synapse.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
  // It ends with its input, so that it does not outlive this process either.
  child.stdin.on('error', () => {})
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, unknown>> => {
    const line = await lines.next()
    if (line.done) throw new Error('Synapse’s side ended, see above')
    return JSON.parse(line.value) as Record<string, unknown>
  }
  const ask = (question: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> => {
    child.stdin.write(`${JSON.stringify(question)}\n`)
    return next()
  }

  /** How many of a room's events it has. */
  const sent = new Map<Room, number>()
  async function load(room: Room): Promise<void> {
    for (let from = sent.get(room) ?? 0; from < room.events.length; from += CHUNK) {
      const events = room.events.slice(from, from + CHUNK).map(({ json }) => json)
      await ask({ do: 'load', room: room.name, version: room.version.id, events })
    }
    sent.set(room, room.events.length)
  }

  const { name } = await next()
  return {
    name: name as string,
    async prepare(row, { task, input, room }) {
      if (room !== undefined) await load(room)
      const { answer } = await ask({ do: 'prepare', row, task, room: room?.name ?? null, input })
      return answer
    },
    async run(row, count, clock) {
      const { us } = await ask({ do: 'run', row, count, clock })
      return us as number
    },
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}
