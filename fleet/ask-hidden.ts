/** A question on the terminal whose answer is not shown. */

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

export const askHidden = (question: string): Promise<string> =>
  new Promise((resolve) => {
    process.stderr.write(question)
    // Where readline would echo what is typed.
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
    const done = (answer: string) => {
      process.stderr.write('\n')
      lines.close()
      resolve(answer)
    }
    lines.once('SIGINT', () => process.exit(130))
    lines.once('line', done)
  })
