/**
 * Ends what a test has started in the reverse order: who uses a database ends before it is closed. Node ends in the order of
 * the calls.
 */
export function inReverse<T extends { after(fn: () => Promise<void>): void }>(t: T): T {
  const ends: (() => Promise<void> | void)[] = []
  t.after(async () => {
    for (const end of ends.reverse()) await end()
  })
  return Object.assign(Object.create(t) as T, { after: (end: () => Promise<void> | void) => void ends.push(end) })
}
