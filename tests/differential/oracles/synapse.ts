/** The functions of the installed `matrix-synapse` package as an oracle. */

import { join } from 'node:path'
import { synapsePython } from '../../synapse/install.ts'
import { type Oracle, startOracle } from './oracle.ts'

export const startSynapse = async (): Promise<Oracle> =>
  startOracle({ follows: 'synapse', tameOnly: false }, await synapsePython(), [
    join(import.meta.dirname, 'ask_synapse.py'),
  ])
