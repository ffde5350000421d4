/** `npm run table`: `routes:` in `routes.yaml` and `docs/endpoints.md` from the endpoint table, `docs/routes-yaml.md` from the schema. */

import { readFileSync, writeFileSync } from 'node:fs'
import { printReference } from './config/reference.ts'
import { printEndpoints } from './table/print-endpoints.ts'
import { withPrintedRoutes } from './table/routes-file.ts'

const routesFile = new URL('../routes.yaml', import.meta.url)
writeFileSync(routesFile, withPrintedRoutes(readFileSync(routesFile, 'utf8')))
writeFileSync(new URL('../docs/endpoints.md', import.meta.url), printEndpoints())
writeFileSync(new URL('../docs/routes-yaml.md', import.meta.url), printReference())
