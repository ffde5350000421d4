/**
 * Opens connections, each with one pending /sync, and counts the answers. A forked process: {@link Park} is answered with
 * `{ open }` when all requests are written, `{ wait: true }` with {@link Polled} when all are answered or lost.
 */

import { connect } from 'node:net'
import { template } from './requests.ts'

export interface Park {
  readonly port: number
  readonly polls: number
}

export interface Polled {
  readonly answered: number
  readonly lost: number
  /** Of the last answer, `Date.now()`. */
  readonly lastAt: number
}

/** Connections from one source address; the kernel has 28,000 ports for each by default. */
const PER_ADDRESS = 20_000
/** Connections being made at a time: a listener's backlog is not what is measured. */
const AT_ONCE = 100

let answered = 0
let lost = 0
let lastAt = 0
let expected = 0
let onAll: (() => void) | undefined

const count = () => {
  if (answered + lost === expected) onAll?.()
}

const open = (port: number, index: number): Promise<void> =>
  new Promise((resolve) => {
    const { head } = template('sync', index)
    const request = head.toString('latin1').replace('timeout=0&', 'timeout=300000&')
    const buffer = Buffer.allocUnsafeSlow(1024)
    let done = false
    const end = (ok: boolean) => {
      resolve()
      if (done) return
      done = true
      if (ok) {
        answered++
        lastAt = Date.now()
      } else lost++
      count()
    }
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: `127.0.1.${1 + Math.floor(index / PER_ADDRESS)}`,
      noDelay: true,
      onread: {
        buffer,
        callback: (n, bytes) => {
          const text = (bytes as Buffer).toString('latin1', 0, n)
          if (!done) end(text.startsWith('HTTP/1.1 200 '))
          return true
        },
      },
    })
    socket.on('connect', () => socket.write(request, 'latin1', () => resolve()))
    socket.on('error', () => end(false))
    socket.on('close', () => end(false))
  })

process.on('disconnect', () => process.exit())
process.on('message', async (message: Park | { readonly wait: true }) => {
  if ('wait' in message) {
    onAll = () => process.send!({ answered, lost, lastAt } satisfies Polled)
    count()
    return
  }
  expected = message.polls
  for (let from = 0; from < message.polls; from += AT_ONCE) {
    const to = Math.min(from + AT_ONCE, message.polls)
    await Promise.all(Array.from({ length: to - from }, (_, i) => open(message.port, from + i)))
  }
  process.send!({ open: message.polls })
})
