/** A Python that has what an oracle needs: the virtual environment `SYN_VENV`, that of `npm run test:synapse`, or the system's. */

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Without importing them, which takes seconds. */
const FIND = 'import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))'

/** The interpreter in which `modules` can be imported, or why there is none: a test's reason to be skipped. */
export const pythonWith = (
  ...modules: readonly string[]
): { readonly python: string } | { readonly missing: string } => {
  const candidates = [
    ...(process.env.SYN_VENV ? [join(process.env.SYN_VENV, 'bin/python')] : []),
    ...globSync('.cache/synapse-*/complete', { cwd: root }).map((file) => join(root, file, '../bin/python')),
    'python3',
  ]
  const python = candidates.find(
    (candidate) => spawnSync(candidate, ['-c', FIND, ...modules], { stdio: 'ignore' }).status === 0,
  )
  return python === undefined
    ? { missing: `no Python with ${modules.join(', ')}: SYN_VENV names no virtual environment that has them` }
    : { python }
}
