/**
 * What was acknowledged to those who sent, kept outside of the server, and held against what readers were shown. Pure: the
 * judgement is a function of what happened.
 */

/** A message that was acknowledged. */
export interface Acknowledged {
  readonly room: string
  readonly sender: string
  /** Of this sender in this room: 1, 2, 3 …, each sent after the one before was acknowledged. */
  readonly number: number
  readonly eventId: string
}

/** A message as a reader was shown it. */
export interface Shown {
  readonly eventId: string
  readonly sender: string
  readonly number: number
}

export interface Ledger {
  readonly acknowledged: readonly Acknowledged[]
  /** What was sent and never answered, so that it may be there or not: the last of each sender in each room. */
  readonly open: readonly Omit<Acknowledged, 'eventId'>[]
}

/** By reader and room, in the order in which they were shown. */
export type Views = ReadonlyMap<string, ReadonlyMap<string, readonly Shown[]>>

const key = ({ sender, number }: Pick<Shown, 'sender' | 'number'>): string => `${sender} #${number}`

/** Everything that is wrong, in sentences; empty if nothing is. */
export const judge = ({ acknowledged, open }: Ledger, views: Views): readonly string[] => {
  const wrong: string[] = []
  const byRoom = Map.groupBy(acknowledged, ({ room }) => room)
  wrong.push(...twice(acknowledged.map(({ eventId }) => eventId)).map((id) => `${id} was given to two messages`))
  for (const [reader, rooms] of views)
    for (const [room, shown] of rooms) {
      const say = (what: string) => wrong.push(`${reader} in ${room}: ${what}`)
      const sent = byRoom.get(room) ?? []
      const ids = new Map(sent.map((one) => [key(one), one.eventId]))
      const seen = new Set(shown.map(({ eventId }) => eventId))
      for (const one of sent) if (!seen.has(one.eventId)) say(`lost: ${key(one)}, ${one.eventId}`)
      for (const id of twice(shown.map(({ eventId }) => eventId))) say(`shown twice: ${id}`)
      for (const which of twice(shown.map(key))) say(`doubled: ${which} is there under two event IDs`)
      const mayBe = new Set(open.filter((one) => one.room === room).map(key))
      for (const one of shown)
        if (ids.get(key(one)) !== one.eventId && !mayBe.has(key(one)))
          say(`${key(one)} is ${one.eventId}, and was acknowledged as ${ids.get(key(one)) ?? 'nothing'}`)
      for (const [sender, own] of Map.groupBy(shown, (one) => one.sender))
        for (let i = 1; i < own.length; i++)
          if (own[i]!.number < own[i - 1]!.number)
            say(`out of order: ${sender} #${own[i]!.number} after #${own[i - 1]!.number}`)
    }
  wrong.push(...contradictions(views))
  return wrong
}

const twice = (values: readonly string[]): readonly string[] => {
  const seen = new Set<string>()
  return [...new Set(values.filter((value) => seen.has(value) || !seen.add(value)))]
}

/** Two readers who saw the same two messages saw them in the same order. */
const contradictions = (views: Views): readonly string[] => {
  const wrong: string[] = []
  const first = new Map<string, { readonly reader: string; readonly places: ReadonlyMap<string, number> }>()
  for (const [reader, rooms] of views)
    for (const [room, shown] of rooms) {
      const ids = [...new Set(shown.map(({ eventId }) => eventId))]
      const reference = first.get(room)
      if (reference === undefined) {
        first.set(room, { reader, places: new Map(ids.map((id, place) => [id, place])) })
        continue
      }
      const common = ids.filter((id) => reference.places.has(id))
      const turn = common.findIndex(
        (id, i) => i > 0 && reference.places.get(id)! < reference.places.get(common[i - 1]!)!,
      )
      if (turn > 0)
        wrong.push(
          `${reader} and ${reference.reader} in ${room}: ${common[turn - 1]} and ${common[turn]} in another order`,
        )
    }
  return wrong
}
