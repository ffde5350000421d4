/** `npm run table`: `docs/worker-configuration.md` from the schema. */

import { writeFileSync } from 'node:fs'
import { printReference } from './config/reference.ts'

writeFileSync(new URL('../docs/worker-configuration.md', import.meta.url), printReference())
