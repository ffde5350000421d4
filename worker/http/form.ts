import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { parseQuery, type Query } from './query.ts'

/** What a browser sends of a form: the query's arguments and the body's; of a name in both the query's come first. */
export async function formOf(request: { readonly query: Query; bytes(): Promise<Buffer> }): Promise<Query> {
  const form = new Map(request.query)
  for (const [name, values] of parseQuery((await request.bytes()).toString('latin1')))
    form.set(name, [...(form.get(name) ?? []), ...values])
  return form
}

/** Throws M_MISSING_PARAM in Synapse's words. */
export function requiredField(form: Query, name: string): string {
  const value = form.get(name)?.[0]
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `Missing string query parameter '${name}'`)
  return value
}
