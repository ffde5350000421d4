/** The numbered files of `migrations/`. One that was released is never edited. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Migration {
  /** 1, 2, 3 … without a gap. */
  readonly version: number
  /** `accounts` of `0001_accounts.sql`. */
  readonly name: string
  readonly sql: string
  /**
   * Programs that know this version can work with a database that has this migration. From a line `-- compatible with:
   * 12` in the file; without one only those that know the migration itself.
   */
  readonly compatibleWith: number
}

/** All of them in order. Throws when a number is missing or stands twice. */
export function readMigrations(folder: string = join(import.meta.dirname, 'migrations')): readonly Migration[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
  return files.map((file, index) => {
    const parts = /^(?<version>\d{4})_(?<name>[a-z0-9_]+)\.sql$/.exec(file)?.groups
    const version = Number(parts?.version)
    if (parts === undefined || version !== index + 1)
      throw new Error(`${join(folder, file)}: expected ${String(index + 1).padStart(4, '0')}_name.sql`)
    const sql = readFileSync(join(folder, file), 'utf8')
    const compatibleWith = Number(/^-- compatible with: (\d+)$/m.exec(sql)?.[1] ?? version)
    return { version, name: parts.name!, sql, compatibleWith }
  })
}
