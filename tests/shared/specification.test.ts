import assert from 'node:assert/strict'
import { test } from 'node:test'
import { table } from '../../shared/endpoints/table.ts'
import type { Endpoint } from '../../shared/endpoints/types.ts'
import { assertIntended } from './intended-differences.ts'
import { missingMaterial, readTable } from './material.ts'

type Row = Readonly<Record<string, string>>

const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  'client-server': ['client', 'media', 'well-known'],
  'server-server': ['federation', 'key', 'well-known'],
}

/** Who answers, in the words that the list of the specification's operations uses. */
const processOf = ({ served }: Endpoint): string => {
  if (typeof served === 'object') return `writer of ${served.writer}`
  return served === 'main' ? 'main' : served
}

const expectedProcess = (row: Row): string => {
  const writer = row.stream_writer ?? ''
  if (writer !== '' && !writer.startsWith('events')) return `writer of ${writer}`
  const process = row['synapse_1.163_process'] ?? ''
  if (process === 'main') return 'main'
  if (process.startsWith('media_repository')) return 'media'
  if (process.includes('SSO')) return 'sso'
  return 'generic'
}

const isServedByHomeserver = (row: Row): boolean =>
  !/not-homeserver|outbound/.test(row['synapse_1.163_process'] ?? 'not-homeserver')

test('every operation of the specification that a homeserver serves is in the table', { skip: missingMaterial }, () => {
  const rows = readTable('matrix/endpoints.tsv').filter(isServedByHomeserver)
  assert.equal(rows.length, 201)
  const differences = rows.flatMap((row) => {
    const operation = `${row.spec_file}: ${row.operation_id}`
    const entry = table.find(
      ({ name, file }) =>
        FOLDERS[row.api!]!.some((folder) => file === `${folder}/${row.spec_file}`) &&
        name.slice(name.lastIndexOf('.') + 1) === row.operation_id,
    )
    if (entry === undefined) return [`${operation}: not in the table`]
    const { method, under, path } = entry.endpoint
    if (method !== row.method || !under.some((prefix) => prefix + path === row.path))
      return [`${operation}: ${method} ${under[0]}${path}, but the specification has ${row.method} ${row.path}`]
    const process = processOf(entry.endpoint)
    return process === expectedProcess(row) ? [] : [`${operation}: ${process}, not ${expectedProcess(row)}`]
  })
  assertIntended('specification', differences)
})

test('no operation is in the table twice', () => {
  const names = table.map(({ name }) => name)
  assert.deepEqual(
    names.filter((name, position) => names.indexOf(name) !== position),
    [],
  )
})
