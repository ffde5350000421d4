/** Problems that are found after reading: each is placed at its key, in the file whose key counts. */

import type { Problem } from '../../shared/config/problem.ts'
import type { SynapseSettings } from '../../shared/synapse-config/file.ts'

export interface Telling {
  readonly error: (path: string, message: string) => void
  readonly warn: (path: string, message: string) => void
  readonly note: (path: string, message: string) => void
  /** Is `key`, of the outermost, in a file? With a value or without. */
  readonly has: (key: string) => boolean
}

/** `loose` gets the problems of keys that no file has. */
export const makeTelling = ({ fileOf }: SynapseSettings, loose: Problem[]): Telling => {
  const tell = (severity: Problem['severity']) => (path: string, message: string) => {
    const reporter = fileOf(/^[^.[]*/.exec(path)![0])?.reporter
    if (!reporter) loose.push({ path, message, severity })
    else if (severity === 'error') reporter.problem(path, message)
    else if (severity === 'warning') reporter.warn(path, message)
    else reporter.note(path, message)
  }
  return { error: tell('error'), warn: tell('warning'), note: tell('note'), has: (key) => fileOf(key) !== undefined }
}
