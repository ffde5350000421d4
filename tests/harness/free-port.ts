/** TCP ports on loopback that nobody listens on now: for programs that cannot be given port 0. */

import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that the kernel gives to connections: there somebody's request would take a port before it is listened on. */
const [LOWEST, HIGHEST] = [10_240, 32_000] as const

export const freePort = (): Promise<number> => freePorts(1)

/** The first of `count` that follow one another. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST - count))
    const ports = Array.from({ length: count }, (_, i) => first + i)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
