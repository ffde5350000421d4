/** Policies that users must have agreed to before they do anything in rooms (`user_consent.block_events_error`). */

import type { CreateRoom } from './create-room.ts'
import type { Actor } from './limits.ts'
import type { ChangeMembership } from './membership.ts'
import type { SendEvent } from './send-event.ts'

interface Changes {
  readonly createRoom: CreateRoom
  readonly changeMembership: ChangeMembership
  readonly sendEvent: SendEvent
}

/** Throws for who has not agreed: M_CONSENT_NOT_GIVEN. */
export type MustHaveAgreed = (actor: Actor) => Promise<void>

/** The same, for those who have agreed. Whoever has not may still leave. */
export function whereAgreed(mustHaveAgreed: MustHaveAgreed, changes: Changes): Changes {
  const { createRoom, changeMembership, sendEvent } = changes
  return {
    async createRoom(actor, body) {
      await mustHaveAgreed(actor)
      return await createRoom(actor, body)
    },
    async changeMembership(actor, change) {
      if (change.action !== 'leave' || change.target !== actor.userId) await mustHaveAgreed(actor)
      return await changeMembership(actor, change)
    },
    async sendEvent(actor, ...rest) {
      await mustHaveAgreed(actor)
      return await sendEvent(actor, ...rest)
    },
  }
}
