/**
 * Levels of `log_config`, a logging configuration of Python's: those of the root and of Synapse's loggers. Where and in
 * which form its handlers would write has no meaning here.
 */

import { resolve } from 'node:path'
import { isMap, isScalar } from 'yaml'
import { childPath, type Entry, entriesOf, isNothing, type Reading } from '../../shared/config/decode.ts'
import { didYouMean } from '../../shared/config/did-you-mean.ts'
import type { Problem } from '../../shared/config/problem.ts'
import { readText } from '../../shared/config/text-file.ts'
import { readSynapseFile } from '../../shared/synapse-config/file.ts'
import type { Telling } from './telling.ts'
import type { Level, LogLevels } from './types.ts'

/** Without a configuration, Synapse logs from INFO on. */
export const DEFAULT_LEVELS: LogLevels = { level: 'info', loggers: new Map() }
/** Python's root, where a configuration does not say. */
const PYTHON_ROOT: Level = 'warn'

const LEVELS: Readonly<Record<string, Level>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  WARNING: 'warn',
  ERROR: 'error',
  FATAL: 'fatal',
  CRITICAL: 'fatal',
}
const NUMBERED: readonly Level[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

/** Reads the levels of the file that `key` names; problems in it are placed there. */
export const logLevelsOf = (
  key: string,
  path: string | undefined,
  { error, warn }: Telling,
): { readonly levels: LogLevels; readonly problems: readonly Problem[] } => {
  const nothing = { levels: DEFAULT_LEVELS, problems: [] }
  if (path === undefined) return nothing
  const file = resolve(path)
  const source = readText(file)
  if ('mistake' in source) {
    if (source.isMissing) warn(key, `${file}: ${source.mistake}: what is INFO and above is logged`)
    else error(key, `${file}: ${source.mistake}`)
    return nothing
  }
  const { entries, reporter } = readSynapseFile({ file, text: source.text })
  const levels = readLevels(entries, reporter)
  return { levels, problems: reporter.problems() }
}

const readLevels = (entries: ReadonlyMap<string, Entry>, reading: Reading): LogLevels => {
  const map = (entry: Entry | undefined, path: string): ReadonlyMap<string, Entry> =>
    isMap(entry?.value) ? new Map(entriesOf(entry.value, path, reading).map((child) => [child.name, child])) : new Map()
  const level = (settings: ReadonlyMap<string, Entry>, path: string): Level | undefined => {
    const entry = settings.get('level')
    if (!entry || isNothing(entry.value)) return undefined
    const value = isScalar(entry.value) ? entry.value.value : undefined
    // NOTSET: as the logger above it; for the root, everything.
    if (value === 'NOTSET' || value === 0) return path === 'root' ? 'trace' : undefined
    if (typeof value === 'number' && value > 0) return NUMBERED[Math.min(5, Math.floor(value / 10))]
    if (typeof value === 'string' && Object.hasOwn(LEVELS, value)) return LEVELS[value]
    const meant = typeof value === 'string' ? didYouMean(value.toUpperCase(), Object.keys(LEVELS)) : undefined
    reading.problem(
      childPath(path, 'level'),
      `no level of Python's${meant === undefined ? `: ${Object.keys(LEVELS).join(', ')}` : `, did you mean ${meant}?`}`,
      { node: entry.value ?? entry.key },
    )
    return undefined
  }

  const structured = entries.get('structured')
  if (structured && isScalar(structured.value) && structured.value.value === true)
    reading.problem('structured', 'removed in Synapse 1.54: see log_config', { node: structured.key })

  const loggers = new Map<string, Level>()
  for (const [name, entry] of map(entries.get('loggers'), 'loggers')) {
    const path = childPath('loggers', name)
    const found = level(map(entry, path), path)
    if (name !== 'synapse' && !name.startsWith('synapse.'))
      reading.note(path, 'has no effect: only loggers of synapse have their like here', { node: entry.key })
    else if (found !== undefined) loggers.set(name, found)
  }

  // Standard error is where lines are looked for that go to standard output here.
  const elsewhere = [...map(entries.get('handlers'), 'handlers')].filter(([name, entry]) => {
    const handler = map(entry, childPath('handlers', name))
    const kind = handler.get('class')?.value
    return !isScalar(kind) || !/(?:^|\.)(?:StreamHandler|NullHandler|\w*MemoryHandler)$/.test(String(kind.value))
  })
  if (elsewhere.length > 0)
    reading.warn(
      'handlers',
      `not used: logs go to standard output, as lines of JSON, not where ${elsewhere.map(([name]) => name).join(', ')} would write`,
      { node: entries.get('handlers')!.key },
    )
  return { level: level(map(entries.get('root'), 'root'), 'root') ?? PYTHON_ROOT, loggers }
}

/** The level of the part that Synapse calls `logger`: its own, or that of the nearest part around it. */
export const levelOf = ({ level, loggers }: LogLevels, logger: string): Level => {
  for (let name = logger; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
    const own = loggers.get(name)
    if (own !== undefined) return own
  }
  return level
}
