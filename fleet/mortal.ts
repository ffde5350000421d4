/** Processes that must not outlive this one, however it ends. */

import { existsSync } from 'node:fs'

/** Part of util-linux: without it, as on macOS, a process that this one leaves behind goes on. */
export const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

/** The command that the kernel sends `signal` when this process has ended. */
export const mortal = (
  signal: 'TERM' | 'INT',
  command: string,
  args: readonly string[],
): readonly [command: string, args: readonly string[]] =>
  setpriv === undefined ? [command, args] : [setpriv, ['--pdeathsig', signal, '--', command, ...args]]
