/** Levels of parts, by Synapse's names of loggers. */

/** pino's. */
export interface Levels {
  readonly level: string
  /** `synapse.storage.SQL` → its level. */
  readonly loggers: ReadonlyMap<string, string>
}

/** That of the logger, or of the nearest above it that has one: `synapse.storage`, `synapse`, the root. */
export function levelOf({ level, loggers }: Levels, logger: string): string {
  for (let name = logger; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
    const own = loggers.get(name)
    if (own !== undefined) return own
  }
  return level
}

/** pino's order. */
const ORDER = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** Are lines of `line`'s level written where `level` is set? */
export const isLogged = (line: string, level: string): boolean => ORDER.indexOf(line) >= ORDER.indexOf(level)
