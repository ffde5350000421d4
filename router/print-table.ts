/** `npm run table`: prints `routes:` into `routes.yaml`, and `docs/endpoints.md`, both from the endpoint table. */

import { readFileSync, writeFileSync } from 'node:fs'
import { printEndpoints } from './table/print-endpoints.ts'
import { withPrintedRoutes } from './table/routes-file.ts'

const routesFile = new URL('../routes.yaml', import.meta.url)
writeFileSync(routesFile, withPrintedRoutes(readFileSync(routesFile, 'utf8')))
writeFileSync(new URL('../docs/endpoints.md', import.meta.url), printEndpoints())
