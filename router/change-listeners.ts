/** From the listeners of one configuration to those of the next. */

import type { Address } from '../shared/config/address.ts'
import type { ListenerConfig } from './config/types.ts'
import { type Accept, listenerKey, type OpenListener, openListener } from './listeners.ts'

export interface ChangedListeners {
  readonly listeners: OpenListener[]
  /** What stood in the way, if `listeners` are still those of before. */
  readonly error?: Error
}

/**
 * Opens the listeners `wanted` in the place of `before`: those that stay the same socket are kept, the others closed. All or
 * nothing; connections that were accepted live on.
 */
export const changeListeners = async (
  wanted: readonly ListenerConfig[],
  before: readonly OpenListener[],
  accept: Accept,
): Promise<ChangedListeners> => {
  const old = before.filter(({ key }) => !wanted.some((config) => listenerKey(config) === key))
  const closed = new Set<OpenListener>()
  const close = (listener: OpenListener) => {
    closed.add(listener)
    return listener.close()
  }
  const open = (config: ListenerConfig) =>
    openListener(config, accept).catch(async (error: NodeJS.ErrnoException) => {
      // One that is to go may be in the way: of another scheme, or on 127.0.0.1 where 0.0.0.0 is wanted. It goes first.
      const inTheWay = old.filter((one) => !closed.has(one) && overlap(one.address, config.address))
      if (error.code !== 'EADDRINUSE' || inTheWay.length === 0) throw error
      await Promise.all(inTheWay.map(close))
      return openListener(config, accept)
    })

  const listeners: OpenListener[] = []
  const opened: OpenListener[] = []
  const prepared: (() => void)[] = []
  try {
    for (const config of wanted) {
      const kept = before.find(({ key }) => key === listenerKey(config))
      if (kept) {
        prepared.push(kept.prepare(config))
        listeners.push(kept)
        continue
      }
      const listener = await open(config)
      opened.push(listener)
      listeners.push(listener)
    }
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.close()))
    return await restore(before, closed, error as Error)
  }
  await Promise.all(old.filter((listener) => !closed.has(listener)).map(close))
  for (const bringIntoForce of prepared) bringIntoForce()
  return { listeners }
}

/** Opens those of `before` again that were `closed`, since `error` came between. */
const restore = async (
  before: readonly OpenListener[],
  closed: ReadonlySet<OpenListener>,
  error: Error,
): Promise<ChangedListeners> => {
  const listeners: OpenListener[] = []
  let { message } = error
  for (const listener of before)
    try {
      listeners.push(closed.has(listener) ? await listener.reopen() : listener)
    } catch (reason) {
      message += `; and ${listener.url}, which made room, is not to be had again: ${(reason as Error).message}`
    }
  return { listeners, error: new Error(message, { cause: error }) }
}

const overlap = (a: Address, b: Address): boolean =>
  a.kind === 'unix' ? b.kind === 'unix' && a.path === b.path : b.kind === 'tcp' && a.port === b.port
