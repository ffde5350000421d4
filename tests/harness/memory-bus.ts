/** A bus within one process: lines arrive later, in order, at everyone on it, the sender too. May be cut and joined again. */

import type { Bus, BusHandlers, Channel } from '../../worker/replication/bus.ts'

export interface MemoryBus {
  readonly connect: (handlers: BusHandlers) => Bus
  /** All that were published, in order. */
  readonly lines: readonly string[]
  /** Everyone is cut off; what is said is lost. */
  readonly cut: () => void
  readonly join: () => void
}

export function makeMemoryBus(): MemoryBus {
  const lines: string[] = []
  const members = new Set<BusHandlers>()
  let isJoined = true
  return {
    lines,
    connect(handlers) {
      let isOpen = true
      const isConnected = () => isOpen && isJoined
      setImmediate(() => {
        members.add(handlers)
        if (isConnected()) handlers.onConnected()
      })
      return {
        isConnected,
        publish(channel: Channel, line: string) {
          if (!isConnected()) return false
          lines.push(line)
          if (channel === 'main')
            setImmediate(() => {
              for (const member of isJoined ? members : []) member.onLine(line)
            })
          return true
        },
        async close() {
          isOpen = false
          members.delete(handlers)
        },
      }
    },
    cut() {
      isJoined = false
      for (const member of members) member.onDisconnected()
    },
    join() {
      isJoined = true
      for (const member of members) member.onConnected()
    },
  }
}
