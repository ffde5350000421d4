/** ruma-state-res as an oracle: a small Rust program, built once into `.cache`. */

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { command } from '../../synapse/children.ts'
import { type Oracle, startOracle } from './oracle.ts'

const source = join(import.meta.dirname, 'ask-ruma')
const target = resolve(import.meta.dirname, '../../../.cache/ask-ruma')
const program = join(target, 'release', 'ask-ruma')

export const rumaIsBuilt = (): boolean => existsSync(program)

/** Builds what has changed, with cargo: 2 to 4 minutes the first time. */
export const buildRuma = (): Promise<string> =>
  command('cargo build (ruma-state-res)', 'cargo', ['build', '--release', '--locked', '--target-dir', target], {
    cwd: source,
  })

export const startRuma = (): Promise<Oracle> => startOracle({ follows: 'specification', tameOnly: true }, program, [])
