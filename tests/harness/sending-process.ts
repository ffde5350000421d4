/**
 * A process that sends and persists by itself, until it is killed: prints a line of JSON for each send that it was told of as
 * done. Run with `{ settings, rooms, seed }` as JSON.
 */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { makeDb } from '../../worker/storage/db.ts'
import type { StorageSettings } from '../../worker/storage/postgres/settings.ts'
import { makeRandom } from './random.ts'
import { author, message, startRoomProcesses, user } from './room-process.ts'

export interface Given {
  readonly settings: StorageSettings
  readonly rooms: readonly RoomId[]
  readonly seed: number
}

export interface Told {
  readonly roomId: RoomId
  readonly eventIds: readonly EventId[]
}

if (import.meta.main) {
  const { settings, rooms, seed } = JSON.parse(process.argv[2]!) as Given
  const random = makeRandom(seed)
  const db = makeDb(settings)
  const [own] = await startRoomProcesses({ after() {} }, db)
  const act = async () => {
    for (;;) {
      const roomId = random.pick(rooms)
      const n = random.int(1e9)
      const intents = random.oneIn(3)
        ? [{ type: 'org.example.kind', stateKey: `${n % 5}`, content: { n } }, message(`${n}`)]
        : [message(`${n}`)]
      const sent = await own!.sender.send(roomId, intents, author('alice'))
      process.stdout.write(
        `${JSON.stringify({ roomId, eventIds: sent.map(({ eventId }) => eventId) } satisfies Told)}\n`,
      )
    }
  }
  process.stdout.write(`${JSON.stringify({ started: user('alice') })}\n`)
  await Promise.all(Array.from({ length: 12 }, act))
}
