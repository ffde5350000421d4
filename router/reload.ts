/** Reading the configuration again: at SIGHUP, and when the file changes. */

import { type FSWatcher, realpathSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Editors and configuration management write a file in several steps; they are over by then. */
const SETTLE_MS = 150

/**
 * Calls `changed` some time after `file` was written, or replaced by a rename or a symbolic link's new target. Returns a
 * function that stops it. Where the system does not tell of changes, SIGHUP still does.
 */
export const watchFile = (file: string, changed: () => void): (() => void) => {
  let timer: NodeJS.Timeout | undefined
  let target: string | undefined
  let targetWatcher: FSWatcher | undefined
  const settle = () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      followLink()
      changed()
    }, SETTLE_MS)
  }
  // The folder, as a file that is replaced is another file; `..data` is what Kubernetes swaps under a mounted one.
  const watchFolderOf = (path: string, names: readonly string[]): FSWatcher | undefined => {
    try {
      const watcher = watch(dirname(path), (_event, touched) => {
        if (touched === null || names.includes(touched)) settle()
      })
      watcher.on('error', () => watcher.close())
      return watcher.unref()
    } catch {
      return undefined
    }
  }
  /** Of a symbolic link the file that it stands for now is watched as well: that may be edited where it is. */
  const followLink = () => {
    let now: string | undefined
    try {
      now = realpathSync(file)
    } catch {
      return
    }
    if (now === target) return
    target = now
    targetWatcher?.close()
    targetWatcher = watchFolderOf(now, [basename(now)])
  }
  const watcher = watchFolderOf(file, [basename(file), '..data'])
  followLink()
  return () => {
    clearTimeout(timer)
    watcher?.close()
    targetWatcher?.close()
  }
}
