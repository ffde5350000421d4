import { parse } from 'yaml'
import { NEWEST_SYNAPSE } from '../routing/built-in.ts'
import { printRoutes } from './print-routes.ts'

export const BEGIN = '# --- printed from the endpoint table by `npm run table`: do not edit'
export const END = '# --- end of the printed part'

/**
 * The text of a `routes.yaml` with what stands between its two markers printed anew for the pools that it names, for the
 * newest release and without MAS. Throws if a marker is missing.
 */
export const withPrintedRoutes = (text: string): string => {
  const begin = text.indexOf(`${BEGIN}\n`)
  const end = text.indexOf(`${END}\n`)
  if (begin === -1 || end < begin) throw new Error(`no lines "${BEGIN}" and "${END}", one after the other`)
  const { pools }: { readonly pools: Readonly<Record<string, unknown>> } = parse(text)
  const routes = printRoutes({ version: NEWEST_SYNAPSE, mas: false, pools: new Set(Object.keys(pools)) })
  return `${text.slice(0, begin)}${BEGIN}\n${routes}${text.slice(end)}`
}
