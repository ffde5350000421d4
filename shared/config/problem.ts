/** What is wrong in a configuration, and where. */

export interface Place {
  readonly file: string
  /** From 1; 0: the file as a whole. */
  readonly line: number
  readonly column: number
}

/** One mistake in a configuration file. `path` is the key's path: `pools.sync.workers[1]`. */
export interface Problem {
  readonly place?: Place
  readonly path: string
  readonly message: string
  /** A note is about what changes nothing for anyone. */
  readonly severity: 'error' | 'warning' | 'note'
}

/** `routes.yaml:14:9: pools.sync.workers[1]: expected host:port, got "8013"`; warnings and notes say that they are. */
export const formatProblem = ({ place, path, message, severity }: Problem): string => {
  const at = place ? `${place.file}${place.line > 0 ? `:${place.line}:${place.column}` : ''}: ` : ''
  const key = path === '' || path === place?.file ? '' : `${path}: `
  return `${at}${severity === 'error' ? '' : `${severity}: `}${key}${message}`
}

/** A place that is the file as a whole. */
export const startOf = (file: string): Place => ({ file, line: 0, column: 0 })
