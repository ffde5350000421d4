/** How often, and after which pause, something is done again that another was in the way of. */

export const ATTEMPTS = 6
const PAUSE_MS = { first: 10, most: 250 }

/** Conflicts are short: the next attempt follows within milliseconds, at another moment than the rival's. */
export const pauseAfter = (attempt: number): Promise<void> => {
  const most = Math.min(PAUSE_MS.most, PAUSE_MS.first * 2 ** (attempt - 1))
  return new Promise((resolve) => setTimeout(resolve, Math.random() * most))
}
