/** Reading the configuration again: at SIGHUP, and when the file changes. */

import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Editors and configuration management write a file in several steps; they are over by then. */
const SETTLE_MS = 150

/**
 * Calls `changed` some time after `file` was written, or replaced by a rename or a symbolic link's new target. Returns a
 * function that stops it. Where the system does not tell of changes, SIGHUP still does.
 */
export const watchFile = (file: string, changed: () => void): (() => void) => {
  let timer: NodeJS.Timeout | undefined
  const name = basename(file)
  try {
    // The folder, as a file that is replaced is another file; `..data` is what Kubernetes swaps under a mounted one.
    const watcher = watch(dirname(file), (_event, touched) => {
      if (touched !== null && touched !== name && touched !== '..data') return
      clearTimeout(timer)
      timer = setTimeout(changed, SETTLE_MS)
    })
    watcher.on('error', () => watcher.close())
    watcher.unref()
    return () => {
      clearTimeout(timer)
      watcher.close()
    }
  } catch {
    return () => {}
  }
}
