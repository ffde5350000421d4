/** Passwords that are kept here are known to a Synapse, by its own bcrypt, and the other way round. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { makePasswords } from '../../../worker/users/passwords.ts'
import { synapsePython } from '../../synapse/install.ts'

const PEPPER = 'pepper'
const PASSWORDS = ['secret', 'ﬁ – Ångström', 'x'.repeat(200), ' ']

/** As Synapse asks its library: NFKC, the pepper, 72 bytes. */
const ASK = `
import bcrypt, json, sys, unicodedata
rows = json.load(sys.stdin)
def raw(p): return (unicodedata.normalize("NFKC", p) + "${PEPPER}").encode()[:72]
print(json.dumps([[bcrypt.checkpw(raw(p), h.encode()), bcrypt.hashpw(raw(p), bcrypt.gensalt(4)).decode()] for p, h in rows]))
`

test('a Synapse knows our users’ passwords, and we its', async (t: TestContext) => {
  let python: string
  try {
    python = await synapsePython()
  } catch (error) {
    t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
    return
  }
  const passwords = makePasswords({ rounds: 4, pepper: PEPPER })
  const rows = await Promise.all(PASSWORDS.map(async (password) => [password, await passwords.hash(password)] as const))
  const answer = execFileSync(python, ['-c', ASK], { input: JSON.stringify(rows), encoding: 'utf8' })
  for (const [i, [isRight, hash]] of (JSON.parse(answer) as [boolean, string][]).entries()) {
    assert.ok(isRight, PASSWORDS[i]!)
    assert.ok(await passwords.verify(PASSWORDS[i]!, hash), PASSWORDS[i]!)
    assert.ok(!(await passwords.verify('another', hash)), PASSWORDS[i]!)
  }
})
