/** Rooms that are replaced, beside a real Synapse: the same events in both rooms, for all versions. */

import { startPostgres } from '../harness/postgres.ts'
import { besideSynapse } from './lifecycle/compare.ts'
import { limits } from './lifecycle/play.ts'
import { upgrades } from './lifecycle/upgrades.ts'

besideSynapse('upgrades beside Synapse', await startPostgres(), limits, { upgrades })
