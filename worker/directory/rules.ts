/** Who may create which aliases, and publish which rooms: `alias_creation_rules`, `room_list_publication_rules`. */

import { compileGlob, matchesWhole } from '../../shared/matrix/glob.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'

/** Of the configuration: globs. */
export interface DirectoryRule {
  readonly userId: string
  readonly alias: string
  readonly roomId: string
  readonly action: 'allow' | 'deny'
}

export interface DirectoryAct {
  readonly userId: UserId
  readonly roomId: RoomId
  /** The alias that is to be created, or those of the room that is to be published. */
  readonly aliases: readonly string[]
}

/** Whether the first rule that matches allows it; without such a rule nothing is allowed. Upper and lower case are the same. */
export function compileRules(rules: readonly DirectoryRule[]): (act: DirectoryAct) => boolean {
  const glob = (pattern: string) => {
    const compiled = compileGlob(pattern.toLowerCase())
    return (text: string) => matchesWhole(compiled, text.toLowerCase())
  }
  const compiled = rules.map(({ userId, alias, roomId, action }) => ({
    matchesUser: glob(userId),
    matchesRoom: glob(roomId),
    // Of a room without aliases too.
    matchesAlias: alias === '*' ? undefined : glob(alias),
    isAllowed: action === 'allow',
  }))
  return ({ userId, roomId, aliases }) =>
    compiled.find(
      ({ matchesUser, matchesRoom, matchesAlias }) =>
        matchesUser(userId) && matchesRoom(roomId) && (matchesAlias === undefined || aliases.some(matchesAlias)),
    )?.isAllowed ?? false
}
