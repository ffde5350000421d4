import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

const refused = (message: string) => new MatrixError('M_FORBIDDEN', message, {}, 400)

/** `additional_creators`, as a client gives them (rooms/v12). Throws as the room's own rules would. */
export function additionalCreatorsIn(value: JsonValue): readonly UserId[] {
  if (!Array.isArray(value)) throw refused('additional_creators must be an array')
  for (const userId of value as readonly JsonValue[])
    if (typeof userId !== 'string' || !isUserId(userId))
      throw refused('entry in additional_creators is not a valid user ID')
  return value as unknown as readonly UserId[]
}
