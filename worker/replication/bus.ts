/**
 * What carries commands between processes: Redis, or Postgres where there is none. Delivery is at most once, in the order of
 * each sender; what is lost is found by positions.
 */

import type { Command } from './commands.ts'

/** Channels besides the main one, which all processes read. */
export type Channel = 'main' | 'USER_IP'

export const channelOf = ({ name }: Command): Channel => (name === 'USER_IP' ? 'USER_IP' : 'main')

export interface BusHandlers {
  /** From now on nothing is missed, until `onDisconnected`. May come again without that: then what was sent may be lost. */
  readonly onConnected: () => void
  readonly onLine: (line: string) => void
  /** Lines may be missed from now on. */
  readonly onDisconnected: () => void
  /** Why it does not connect; told once until it does. */
  readonly onProblem: (problem: string) => void
}

export interface Bus {
  /** False: not connected, the line is dropped. */
  readonly publish: (channel: Channel, line: string) => boolean
  readonly isConnected: () => boolean
  readonly close: () => Promise<void>
}

export interface BusOptions {
  /** The main one is always read. */
  readonly channels?: readonly Channel[]
}

/** Until the next attempt to connect, by the number of those that failed: soon at first, never more than 5 s. */
export const backOffMs = (attempt: number): number => Math.min(5_000, 50 * 2 ** Math.min(attempt, 10))

/** A connection that carries nothing is asked whether it is alive … */
export const PING_INTERVAL_MS = 30_000
/** … and cut if it does not answer. */
export const PING_TIMEOUT_MS = 10_000
