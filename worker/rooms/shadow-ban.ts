/** Users whom nobody hears, and who shall not notice: what they send looks sent. */

import { randomBytes } from 'node:crypto'
import type { EventId } from '../../shared/matrix/ids.ts'

/** Of no event. */
export const fakeEventId = (): EventId => `$${randomBytes(32).toString('base64url')}` as EventId

/** Resolves after 1 to 10 seconds, so that spamming is slow work. */
export const annoyingPause = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 1000 + Math.random() * 9000))
