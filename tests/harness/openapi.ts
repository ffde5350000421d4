/**
 * The client-server API as the Matrix specification describes it in OpenAPI: which operation a request is, and what of an
 * answer is not as the specification has it.
 */

import { readdirSync } from 'node:fs'
import type { AnySchemaObject, ValidateFunction } from 'ajv/dist/2020.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { table } from '../../shared/endpoints/table.ts'
import { makePathTrie } from '../../worker/http/path-trie.ts'
import { materialUrl, readMaterial } from '../shared/material.ts'

export interface Operation {
  /** `operationId` */
  readonly name: string
  /** Where it is described, without `.yaml`: `typing`. */
  readonly file: string
  /** With its version, as the specification has it: `PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}`. */
  readonly request: string
  readonly isDeprecated: boolean
}

export interface Specification {
  readonly operations: readonly Operation[]
  /** Undefined: it is none of the specification. `target`: the path and query, under any version that we serve. */
  readonly operationOf: (method: string, target: string, body?: unknown) => Operation | undefined
  /** What is wrong with an answer, a line each. */
  readonly problemsIn: (operation: Operation, status: number, body: unknown) => readonly string[]
}

type Json = Readonly<Record<string, unknown>>

interface Described extends Operation {
  /** Responses by status: where their schema is, as a reference; undefined for one that has none. */
  readonly schemas: ReadonlyMap<string, string | undefined>
}

const API = 'matrix/spec/data/api/client-server/'
const METHODS = ['get', 'put', 'post', 'delete', 'head']
/** Folders of the table whose entries are of the client-server API. */
const FOLDERS = ['client/', 'media/', 'well-known/']

/** Throws where the specification is missing. */
export const loadSpecification = (): Specification => {
  const documents = makeDocuments()
  const operations = documents.files.flatMap((file) => operationsIn(file, documents.read(API + file)))
  const byName = new Map(operations.map((operation) => [operation.name, operation]))
  const find = makeFinder(byName)
  const validators = new Map<string, ValidateFunction>()
  const validator = (reference: string): ValidateFunction => {
    let made = validators.get(reference)
    if (made === undefined) {
      made = documents.ajv.compile({ $ref: reference })
      validators.set(reference, made)
    }
    return made
  }
  const problems = (reference: string, body: unknown): readonly string[] => {
    const validate = validator(reference)
    return validate(body)
      ? []
      : (validate.errors ?? []).map(({ instancePath, message, params }) =>
          `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`.slice(0, 300),
        )
  }
  const error = documents.reference(`${API}definitions/errors/error.yaml`, [])

  return {
    operations,
    operationOf: find,
    problemsIn({ name }, status, body) {
      const { schemas } = byName.get(name)!
      const schema = schemas.get(String(status))
      if (status < 400) return schema === undefined ? [] : problems(schema, body)
      // Errors that any operation may have are not said of each; 401 is also that of a token which is not good.
      const asError = problems(error, body)
      if (schema === undefined || asError.length === 0) return asError
      return problems(schema, body)
    },
  }
}

function makeDocuments() {
  const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true, logger: false, formats: FORMATS })
  const root = materialUrl('').href
  const read = (path: string): Json => {
    const url = materialUrl(path).href
    const known = ajv.schemas[url]?.schema ?? ajv.refs[url]
    if (known !== undefined) return known as Json
    const document = parse(readMaterial(path)) as Json
    const others = resolveReferences(document, url)
    ajv.addSchema(document as AnySchemaObject, url)
    for (const other of others) read(other.slice(root.length))
    return document
  }
  const files = readdirSync(materialUrl(API)).filter((file) => file.endsWith('.yaml'))
  return { ajv, read, files, reference }
}

/** A JSON pointer into a document, as a URL. */
const reference = (path: string, pointer: readonly string[]): string => {
  const parts = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
  return `${materialUrl(path).href}#${parts.map((part) => `/${part}`).join('')}`
}

/** Writes references out whole, as Ajv loses what they are relative to on the way. Returns the other documents they are to. */
function resolveReferences(value: unknown, base: string, others = new Set<string>()): ReadonlySet<string> {
  if (typeof value !== 'object' || value === null) return others
  const members = value as Record<string, unknown>
  for (const [key, member] of Object.entries(members))
    if (key === '$ref' && typeof member === 'string') {
      const target = new URL(member, base)
      members.$ref = target.href
      target.hash = ''
      if (target.href !== base) others.add(target.href)
    } else if (key !== 'example' && key !== 'examples') resolveReferences(member, base, others)
  return others
}

function operationsIn(file: string, document: Json): readonly Described[] {
  const [{ variables = {} } = {}] = (document.servers ?? []) as { variables?: Record<string, { default: string }> }[]
  const base = variables.basePath?.default ?? ''
  return Object.entries((document.paths ?? {}) as Record<string, Record<string, Json>>).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method] !== undefined).map((method): Described => {
      const { operationId, responses, deprecated } = methods[method]!
      const schemas = new Map<string, string | undefined>()
      for (const [status, response] of Object.entries(responses as Record<string, { content?: Json }>))
        schemas.set(
          status,
          response.content?.['application/json'] === undefined
            ? undefined
            : reference(API + file, [
                ...['paths', path, method, 'responses', status],
                ...['content', 'application/json', 'schema'],
              ]),
        )
      return {
        name: operationId as string,
        file: file.replace(/\.yaml$/, ''),
        request: `${method.toUpperCase()} ${base}${path}`,
        isDeprecated: deprecated === true,
        schemas,
      }
    }),
  )
}

function makeFinder(operations: ReadonlyMap<string, Described>): Specification['operationOf'] {
  const seen = new Set<string>()
  const entries = table.flatMap(({ name, file, endpoint: { method, under, path, nonEmpty } }) => {
    const value = operations.get(name.slice(name.lastIndexOf('.') + 1))
    if (value === undefined || !FOLDERS.some((folder) => file.startsWith(folder))) return []
    const parameters = path.split('/').filter((segment) => segment.startsWith('{'))
    const positions = (nonEmpty ?? []).map((parameter) => parameters.indexOf(`{${parameter}}`))
    return under.flatMap((prefix) => {
      // Two that share a path are told apart below.
      const shape = `${method} ${prefix}${path}`.replaceAll(/\{\w+\}/g, '{}')
      if (seen.has(shape)) return []
      seen.add(shape)
      return [{ method, path: prefix + path, nonEmpty: positions, value }]
    })
  })
  const trie = makePathTrie(entries)
  return (method, target, body) => {
    const [path, query] = target.split('?') as [string, string | undefined]
    const found = trie.find(method, path)
    if (found === undefined || found === 'other method') return undefined
    const { name } = found.value
    if (name === 'getEvents' || name === 'peekEvents')
      return operations.get(new URLSearchParams(query).has('room_id') ? 'peekEvents' : 'getEvents')
    if (name === 'inviteUser' || name === 'inviteBy3PID')
      return operations.get((body as Json | undefined)?.medium === undefined ? 'inviteUser' : 'inviteBy3PID')
    return found.value
  }
}

/** Of `string-formats.yaml`, and of OpenAPI. */
const FORMATS = {
  'mx-user-id': /^@/,
  'mx-event-id': /^\$/,
  'mx-room-id': /^!/,
  'mx-room-alias': /^#/,
  'mx-server-name': /^[^\s/]+$/,
  'mx-mxc-uri': /^mxc:\/\//,
  'mx-unpadded-base64': /^[A-Za-z0-9+/]*$/,
  'mx-urlsafe-unpadded-base64': /^[A-Za-z0-9_-]*$/,
  uri: (text: string) => URL.canParse(text),
  email: /@/,
  int64: { type: 'number' as const, validate: Number.isSafeInteger },
  float: { type: 'number' as const, validate: Number.isFinite },
}
