import assert from 'node:assert/strict'
import { test } from 'node:test'
import { typingEndpoints } from '../../../shared/endpoints/client/typing.ts'
import type { versionsEndpoints } from '../../../shared/endpoints/client/versions.ts'
import { federationTransactionsEndpoints } from '../../../shared/endpoints/federation/transactions.ts'
import { table } from '../../../shared/endpoints/table.ts'
import { type Handlers, only, operations, type RequestOf } from '../../../worker/http/handlers.ts'

test('what a handler is given follows from its entry, and what it gets wrong does not compile', () => {
  const typing: Handlers<typeof typingEndpoints> = {
    setTyping({ params, body, requester, origin }) {
      const texts: string[] = [params.roomId, params.userId, requester.userId]
      const timeout: number | undefined = body.timeout
      const nobody: undefined = origin
      // @ts-expect-error a misspelt parameter
      params.roomID
      // @ts-expect-error it may be absent
      body.timeout.toFixed()
      return { texts, timeout, nobody }
    },
  }
  // @ts-expect-error a missing operation
  const none: Handlers<typeof typingEndpoints> = {}
  const misspelt: Handlers<typeof typingEndpoints> = {
    ...typing,
    // @ts-expect-error a misspelt operation
    setTypping: () => ({}),
  }
  type Versions = RequestOf<typeof versionsEndpoints.getVersions>
  // @ts-expect-error there may be no user
  const userOf = ({ requester }: Versions): string => requester.userId
  type Transaction = RequestOf<typeof federationTransactionsEndpoints.sendTransaction>
  const originOf = ({ origin, body }: Transaction): unknown[] => [origin.length, body.pdus]
  assert.equal([typing, none, misspelt, userOf, originOf].length, 5)
})

test('operations have the names of the table', () => {
  const handle = () => ({})
  const names = [
    ...operations('client/typing', typingEndpoints, { setTyping: handle }),
    ...operations('federation/transactions', federationTransactionsEndpoints, { sendTransaction: handle }),
  ].map(({ name }) => name)
  assert.deepEqual(names, ['setTyping', 'federation.sendTransaction'])
  for (const name of names) assert.ok(table.some((entry) => entry.name === name))
})

test('some of a file’s entries can be served alone', () => {
  const some = only(typingEndpoints, 'setTyping')
  assert.deepEqual(some, typingEndpoints)
  // @ts-expect-error no such operation
  only(typingEndpoints, 'getTyping')
})
