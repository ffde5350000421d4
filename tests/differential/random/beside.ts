/** A fleet of ours and a real Synapse, configured alike, side by side. */

import type { TestContext } from 'node:test'
import type { CheckOptions } from '../../harness/checked-answers.ts'
import { homeserver } from '../../harness/homeserver.ts'
import type { TestPostgres } from '../../harness/postgres.ts'
import { type Played, type PlayOptions, play } from './play.ts'

const WORKERS = ['sync', 'generic', 'persister'] as const
const plenty = { per_second: 1e6, burst_count: 1e6 }
const settings = {
  // The same question again is answered anew.
  caches: { sync_response_cache_duration: 0 },
  room_list_publication_rules: [{ action: 'allow' }],
  rc_reports: plenty,
  rc_user_directory: plenty,
  rc_profile: plenty,
  rc_presence: { per_user: plenty },
  rc_key_requests: plenty,
}

export const playBeside = async (
  t: TestContext,
  postgres: TestPostgres,
  options: Omit<PlayOptions, 'ours' | 'theirs'>,
): Promise<Played & { readonly misshapen: readonly string[] }> => {
  const misshapen = new Map<string, string>()
  const onProblems: CheckOptions['onProblems'] = ({ name }, { method, path }, problems) => {
    const [first] = problems
    misshapen.set(`${name} ${first}`, `${name}: ${method} ${path}: ${problems.join('; ')}`)
  }
  // One after the other: both have two cores to start on.
  const ours = await homeserver(t, postgres, { workers: WORKERS, settings, onProblems })
  const theirs = await homeserver(t, postgres, { flavour: 'synapse', settings })
  const played = await play({ ours, theirs, ...options })
  return { ...played, misshapen: [...misshapen.values()] }
}
