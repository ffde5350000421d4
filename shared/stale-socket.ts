import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'

/**
 * A unix socket's file outlives a killed process: it goes if nobody answers behind it. Any other file stays, and one that
 * cannot be removed: listening will say so, as it does where somebody answers.
 */
export const removeStaleSocket = (path: string): Promise<void> =>
  new Promise((resolve) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      resolve()
    })
    probe.on('error', (error: NodeJS.ErrnoException) => {
      try {
        if (error.code === 'ECONNREFUSED' && lstatSync(path).isSocket()) unlinkSync(path)
      } catch {
        // gone already, or not ours to remove
      }
      resolve()
    })
  })
