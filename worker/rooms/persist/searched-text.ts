import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import { isObject, type JsonObject } from '../../../shared/matrix/json/value.ts'
import type { SearchedText } from '../../storage/events.ts'

/** By what an event is found (client-server-api, "Server Side Search"): a message's body, a room's name or topic. */
export function searchedTextOf({ type, content }: RoomEvent): SearchedText | undefined {
  const { body, name, topic } = content
  switch (type) {
    case 'm.room.message':
      return typeof body === 'string' ? { key: 'content.body', text: body } : undefined
    case 'm.room.name':
      return typeof name === 'string' ? { key: 'content.name', text: name } : undefined
    case 'm.room.topic':
      return typeof topic === 'string' ? { key: 'content.topic', text: plainTopic(content) ?? topic } : undefined
    default:
      return undefined
  }
}

/** `m.topic`, of which the first plain text counts. */
function plainTopic({ 'm.topic': topic }: JsonObject): string | undefined {
  const texts = isObject(topic) ? topic['m.text'] : undefined
  if (!Array.isArray(texts)) return undefined
  for (const text of texts) {
    if (!isObject(text)) continue
    const { mimetype = 'text/plain', body } = text
    if (mimetype === 'text/plain' && typeof body === 'string') return body
  }
  return undefined
}
