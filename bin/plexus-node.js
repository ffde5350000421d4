#!/usr/bin/env node
/** `plexus-node.js file.ts [argument …]`: runs a file of the checkout on the right Node, whatever `node` is. */
import { resolve } from 'path'
import { runFile } from './hand-over.js'

const [file, ...args] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: node bin/plexus-node.js file.ts [argument …]')
  process.exit(2)
}
runFile(resolve(file), args)
