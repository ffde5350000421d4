/** What becomes of rooms, beside a real Synapse: the same script on both, the same answers and the same events. */

import { startPostgres } from '../harness/postgres.ts'
import { besideSynapse } from './lifecycle/compare.ts'
import { delayed } from './lifecycle/delayed.ts'
import { limits } from './lifecycle/play.ts'
import { small, smallSettings } from './lifecycle/small.ts'

const settings = {
  ...limits,
  ...smallSettings,
  max_event_delay_duration: '24h',
  experimental_features: { msc4143_enabled: true, msc4140_max_delayed_events_per_user: 5 },
}

besideSynapse('the life of rooms beside Synapse', await startPostgres(), settings, {
  'requests that stand alone': small,
  'delayed events': delayed,
})
