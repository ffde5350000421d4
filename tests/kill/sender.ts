/** Those who send, and write down what they were told. */

import { Refused, type User } from '../harness/matrix-client.ts'
import type { Random } from '../harness/random.ts'
import type { Acknowledged, Ledger } from './ledger.ts'

/** In the body, so that it says by itself what it is. */
export const textOf = (number: number): string => `message ${number}`
export const numberOf = (body: string): number => Number(/^message (\d+)$/.exec(body)?.[1] ?? Number.NaN)

export interface Senders {
  /** Settles when all have been answered what they asked. */
  readonly stop: () => Promise<void>
  readonly ledger: () => Ledger
  /** ms of the longest time in which nothing was acknowledged to anybody. */
  readonly longestPauseMs: () => number
  /** The first answer that no retry can help: a refusal. */
  readonly failure: () => string | undefined
  readonly retries: () => number
}

const TIMEOUT_MS = 10_000
const RETRY_MS = 100
/** After the end of the load, for what is still open. */
const PATIENCE_MS = 60_000

export interface Lane {
  readonly user: User
  readonly room: string
}

/**
 * On each lane messages are sent one at a time, with pauses of `pauseMs` on average, and each is repeated until it is
 * acknowledged, as clients do.
 */
export const startSenders = (lanes: readonly Lane[], random: Random, pauseMs: number): Senders => {
  const acknowledged: Acknowledged[] = []
  const open = new Map<string, Omit<Acknowledged, 'eventId'>>()
  let isStopping = false
  let stoppedAt = 0
  let failure: string | undefined
  let retries = 0
  let lastAt = performance.now()
  let longest = 0

  const send = async (user: User, room: string, number: number): Promise<void> => {
    const which = { room, sender: user.userId, number }
    open.set(`${room} ${user.userId}`, which)
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/kill-${number}-${encodeURIComponent(room)}`
    for (;;) {
      try {
        const content = { msgtype: 'm.text', body: textOf(number) }
        const { event_id: eventId } = await user.ask('PUT', path, content, TIMEOUT_MS)
        acknowledged.push({ ...which, eventId })
        open.delete(`${room} ${user.userId}`)
        longest = Math.max(longest, performance.now() - lastAt)
        lastAt = performance.now()
        return
      } catch (error) {
        // A refusal is an answer. What a proxy or a server in trouble says is none.
        if (error instanceof Refused && error.status < 500 && error.status !== 429) {
          failure ??= error.message
          isStopping = true
          return
        }
        retries++
        if (isStopping && performance.now() - stoppedAt > PATIENCE_MS) {
          failure ??= `${user.userId} #${number}: no answer: ${(error as Error).message}`
          return
        }
        await sleep(RETRY_MS)
      }
    }
  }
  const running = lanes.map(async ({ user, room }) => {
    for (let number = 1; !isStopping; number++) {
      await sleep(random.int(2 * pauseMs))
      if (!isStopping) await send(user, room, number)
    }
  })
  return {
    async stop() {
      isStopping = true
      stoppedAt = performance.now()
      await Promise.all(running)
    },
    ledger: () => ({ acknowledged, open: [...open.values()] }),
    longestPauseMs: () => longest,
    failure: () => failure,
    retries: () => retries,
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
