import { readdirSync, readFileSync } from 'node:fs'

/** A process and all that descend from it, itself first. Empty where there is no /proc. */
export const treeOf = (root: number): readonly number[] => {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)])
    } catch {
      // It ended between the listing and the reading.
    }
  }
  const found = [root]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return found
}

/** SIGKILL to all of them at once, as when a machine fails. */
export const killTree = (root: number): void => {
  for (const pid of treeOf(root))
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
}
