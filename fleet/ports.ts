/** Ports of 127.0.0.1. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * The port, of which nobody else has use now; for 0 one that is free. Throws, with `flag` to choose another one, if it is
 * taken. It is looked at before all else: a start that fails at its last step wastes the user's time.
 */
export const freePort = async (port: number, flag: string): Promise<number> => {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new Error(`port ${port} is in use: choose another one with ${flag}, 0 for any that is free`)
    throw new Error(`port ${port} cannot be had (${message}): choose another one with ${flag}`)
  }
  const { port: got } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return got
}
