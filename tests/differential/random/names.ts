/**
 * What each of two homeservers calls the same thing. A script speaks of `<room1>` and `<event7>`; each server has made up an ID
 * of its own for it.
 */

export type Side = 'ours' | 'theirs'

export interface Names {
  /** What is named already may be named anew. */
  readonly bind: (label: string, ours: string, theirs: string) => void
  /** Two IDs that stood in the same place. False: one of them is known, and is another thing than the other. */
  readonly pair: (ours: string, theirs: string) => boolean
  /** `<room1>` for the server's ID; undefined for one that is not known. */
  readonly labelOf: (side: Side, id: string) => string | undefined
  /** The text with the server's IDs. Undefined where one of them is not known. */
  readonly spoken: (side: Side, text: string, encode?: (id: string) => string) => string | undefined
}

const LABEL = /<[a-z]+[\w.]*>/g

export const makeNames = (): Names => {
  const ids = { ours: new Map<string, string>(), theirs: new Map<string, string>() }
  const labels = { ours: new Map<string, string>(), theirs: new Map<string, string>() }
  let found = 0
  const bind: Names['bind'] = (label, ours, theirs) => {
    ids.ours.set(label, ours)
    ids.theirs.set(label, theirs)
    labels.ours.set(ours, label)
    labels.theirs.set(theirs, label)
  }
  return {
    bind,
    pair(ours, theirs) {
      const known = labels.ours.get(ours)
      if (known !== undefined || labels.theirs.has(theirs)) return known === labels.theirs.get(theirs)
      bind(`<found${++found}>`, ours, theirs)
      return true
    },
    labelOf: (side, id) => labels[side].get(id),
    spoken(side, text, encode = (id) => id) {
      let isKnown = true
      const spoken = text.replace(LABEL, (label) => {
        const id = ids[side].get(label)
        isKnown &&= id !== undefined
        return encode(id ?? '')
      })
      return isKnown ? spoken : undefined
    },
  }
}
