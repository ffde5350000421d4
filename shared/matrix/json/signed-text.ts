import { canonicalJsonWithout } from './canonical.ts'
import type { JsonObject } from './value.ts'

/** What a signature of the object covers: its canonical text without `signatures` and `unsigned` (appendices, "Signing Details"). */
export const signedText = (json: JsonObject): string => canonicalJsonWithout(json, UNSIGNED)

const UNSIGNED = ['signatures', 'unsigned']
