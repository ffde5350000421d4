/** Can the listeners be opened, here and now? */

import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname } from 'node:path'
import { type Address, addressKey } from '../../shared/config/address.ts'
import type { Problem } from '../../shared/config/problem.ts'
import type { Process } from './check.ts'
import { listenerAddresses } from './listeners.ts'

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use',
  EADDRNOTAVAIL: 'is no address of this machine',
  EACCES: 'may not be opened by this user',
  ENOENT: 'lies in a folder that is not there',
  ENOTFOUND: 'is a name that is not known',
  EAI_AGAIN: 'is a name that cannot be looked up',
}

/** Listens at `address` for a moment; resolves to why that cannot be, or undefined. */
const tryAddress = (address: Address): Promise<string | undefined> => {
  // The system says that it may not be opened.
  if (address.kind === 'unix' && !existsSync(dirname(address.path))) return Promise.resolve(REASONS.ENOENT)
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', async ({ code, message }: NodeJS.ErrnoException) => {
      // A socket's file that a dead process left is no obstacle.
      const isLeft = code === 'EADDRINUSE' && address.kind === 'unix' && !(await isAnswered(address.path))
      resolve(isLeft ? undefined : (REASONS[code ?? ''] ?? message))
    })
    const where = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
    server.listen({ ...where, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

/** Does anyone listen at the Unix socket? */
const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** Opens each listener of a process for a moment. What cannot be opened is an error. */
export const tryListeners = async ({ config, placeOf }: Process): Promise<readonly Problem[]> => {
  const problems: Problem[] = []
  const key = config.isMain ? 'listeners' : 'worker_listeners'
  for (const [i, listener] of config.listeners.entries()) {
    const addresses = listenerAddresses(listener)
    const isBoth = addresses.some((address) => address.kind === 'tcp' && address.host === '::')
    for (const address of addresses) {
      // `::` takes the IPv4 addresses too, where the system is so set.
      if (isBoth && address.kind === 'tcp' && address.host === '0.0.0.0') continue
      const reason = await tryAddress(address)
      if (reason === undefined) continue
      const place = placeOf(key, i)
      problems.push({
        path: `${key}[${i}]`,
        severity: 'error',
        message: `${addressKey(address)} ${reason}`,
        ...(place && { place }),
      })
    }
  }
  return problems
}
