import assert from 'node:assert/strict'
import { formatProblem } from '../../../shared/config/problem.ts'
import { readSources, type Surroundings } from '../../../worker/config/read.ts'

/** A configuration of the main process in which nothing is wrong. */
export const BASE = `server_name: example.org
database: {name: psycopg2, args: {dbname: synapse}}
signing_key: ed25519 a_AbCd ciAgrZwSVV6AJuqTBDmdtfsFuvpHK3rDLyzZe+L4mRs
listeners: [{port: 8008, type: http, bind_addresses: [127.0.0.1], resources: [{names: [client, federation]}]}]
`
export const WORKER = `worker_app: synapse.app.generic_worker
worker_name: w1
redis: {enabled: true}
instance_map: {main: {host: localhost, port: 9093}}
`

const sources = (texts: readonly string[]) => texts.map((text, i) => ({ file: `${'abc'[i]}.yaml`, text }))

/** What is said of files `a.yaml`, `b.yaml` … */
export const problemsOf = (...texts: readonly string[]): readonly string[] =>
  readSources(sources(texts)).problems.map(formatProblem)

/** The configuration in files in which nothing is wrong. */
export const configOf = (texts: readonly string[], surroundings?: Surroundings) => {
  const { config, problems } = readSources(sources(texts), surroundings)
  assert.deepEqual(problems.map(formatProblem), [])
  return config!
}
