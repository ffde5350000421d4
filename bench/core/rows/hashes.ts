import { readEvent } from '../../../shared/matrix/events/read.ts'
import { contentHash, referenceHash } from '../../../shared/matrix/hashes.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { digest } from '../digest.ts'
import { message, ofSize } from '../events.ts'
import type { Row } from '../row.ts'

const group = 'events of 1 KiB'
const version = roomVersions['10']
const events = (): readonly JsonObject[] => ofSize(message, 1024, 64)

const eventIdOf = (json: JsonObject): string => {
  const event = readEvent(json, version)
  if (!event.ok) throw new Error(event.reason)
  return event.value.eventId
}

const each = (name: string, of: (json: JsonObject) => string, task: string): Row => ({
  group,
  name,
  prepare() {
    const values = events()
    return {
      items: values.length,
      once() {
        let length = 0
        for (const json of values) length += of(json).length
        return length
      },
      answer: digest(values.map(of)),
      task,
      input: { version: version.id, events: values },
    }
  },
})

export const hashRows: readonly Row[] = [
  each('content hash', contentHash, 'content_hash'),
  each('reference hash', (json) => referenceHash(json, version), 'reference_hash'),
  each('read from another server’s JSON: format, sizes, ID', eventIdOf, 'read_event'),
]
