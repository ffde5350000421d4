/** YAML text → its nodes, with a reporter that knows where they are. Never throws, whatever the text holds. */

import {
  type Alias,
  type Document,
  LineCounter,
  type Node,
  type ParseOptions,
  parseDocument,
  type SchemaOptions,
  visit,
  type YAMLParseError,
} from 'yaml'
import { makeReporter, type Reporter } from './reporter.ts'

/** After so many syntax errors the rest follows from the first. */
const MAX_SYNTAX_ERRORS = 10

export interface YamlDocument {
  readonly reporter: Reporter
  /** Absent if the text is not YAML, or not one document: the reporter has the errors. */
  readonly document?: Document
}

export interface YamlOptions {
  /** As {@link Reporter} has it. */
  readonly lenient?: boolean
  readonly yaml?: ParseOptions & Pick<SchemaOptions, 'customTags' | 'merge'> & { readonly version?: '1.1' | '1.2' }
  /** The message for an error of the parser. */
  readonly syntaxError: (error: YAMLParseError) => string
}

export const readYaml = (file: string, text: string, options: YamlOptions): YamlDocument => {
  try {
    return parse(file, text, options)
  } catch (error) {
    // The YAML parser is recursive: a file of nothing but brackets takes the whole stack.
    if (!(error instanceof RangeError)) throw error
    const reporter = makeReporter(file, text, new LineCounter(), new Map(), options.lenient)
    reporter.problem('', 'nested too deeply')
    return { reporter }
  }
}

const parse = (file: string, text: string, { lenient, yaml, syntaxError }: YamlOptions): YamlDocument => {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    ...yaml,
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error', // 'silent' would pass over a second document
  })
  const aliases = new Map<Alias, Node>()
  const anchors = new Map<string, Node>()
  const reporter = makeReporter(file, text, lines, aliases, lenient)
  const at = (offset: number): { readonly node: Node } => ({
    node: { range: [offset, offset, offset] } as unknown as Node,
  })

  for (const error of document.errors.slice(0, MAX_SYNTAX_ERRORS))
    reporter.problem('', syntaxError(error), at(error.pos[0]))
  if (document.errors.length > 0) return { reporter }
  for (const warning of document.warnings) reporter.problem('', warning.message, at(warning.pos[0]))

  visit(document, {
    Node: (_, node) => {
      if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node as Node)
    },
    Alias: (_, alias) => {
      const target = anchors.get(alias.source)
      if (target) aliases.set(alias, target)
      else reporter.problem('', `the alias *${alias.source} has no anchor &${alias.source} before it`, { node: alias })
    },
  })
  return reporter.problems().length > 0 ? { reporter } : { reporter, document }
}
