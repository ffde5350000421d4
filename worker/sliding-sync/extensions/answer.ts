import type { JsonText } from '../../json-text.ts'

/** What an extension says. */
export interface ExtensionAnswer {
  readonly text: JsonText
  /** Whether a client that waits is to be told. */
  readonly hasNews: boolean
}
