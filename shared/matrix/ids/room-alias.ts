import type { RoomAlias } from '../ids.ts'
import { accepted, type Result } from '../result.ts'
import { checkDomainForm } from './domain-form.ts'

/** A room alias, `#localpart:domain` (appendices, "Room Aliases"). */
export const parseRoomAlias = (text: string): Result<RoomAlias> =>
  checkDomainForm(text, '#', 'room alias') ?? accepted(text as RoomAlias)

export const isRoomAlias = (text: string): text is RoomAlias => checkDomainForm(text, '#', 'room alias') === undefined
