import type { RoomId } from '../../shared/matrix/ids.ts'
import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

const invalid = (message: string) => new MatrixError('M_INVALID_PARAM', message, {}, 400)
const listOf = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : [])

/**
 * Whether aliases that an `m.room.canonical_alias` names, and the one before it did not, point to the room
 * (client-server-api, "`PUT …/state/{eventType}/{stateKey}`", 400). Throws M_BAD_ALIAS, M_INVALID_PARAM.
 *
 * @param before the content of the event that it replaces
 */
export async function checkCanonicalAlias(
  roomId: RoomId,
  content: JsonObject,
  before: JsonObject | undefined,
  mustPointTo: (alias: string, roomId: RoomId) => Promise<void>,
): Promise<void> {
  const { alias, alt_aliases: alternatives = [] } = content
  if (alias !== undefined && alias !== null && alias !== '' && alias !== before?.alias) {
    if (typeof alias !== 'string') throw invalid('The alias must be of type string.')
    await mustPointTo(alias, roomId)
  }
  if (!Array.isArray(alternatives)) throw invalid('The alt_aliases property must be a list.')
  const known = new Set(listOf(before?.alt_aliases))
  for (const alternative of new Set(alternatives as readonly JsonValue[])) {
    if (known.has(alternative)) continue
    if (typeof alternative !== 'string') throw invalid('Each alt_alias must be of type string.')
    await mustPointTo(alternative, roomId)
  }
}
