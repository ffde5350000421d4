import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'

/** The topic of an `m.room.topic` as plain text (client-server-api, "`m.room.topic`"): the first of `m.topic` that is, else `topic`. */
export function plainTopic({ topic, 'm.topic': extensible }: JsonObject): JsonValue | undefined {
  if (typeof topic !== 'string') return undefined
  const texts = isObject(extensible) ? extensible['m.text'] : undefined
  if (!Array.isArray(texts)) return topic
  for (const text of texts as readonly JsonValue[]) {
    if (!isObject(text) || typeof text.body !== 'string') continue
    const { mimetype } = text
    if (mimetype === undefined || mimetype === null || mimetype === '' || mimetype === 'text/plain') return text.body
  }
  return topic
}
