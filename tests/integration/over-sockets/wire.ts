/**
 * The tests of `tests/integration` again, over the router's other wire: public sockets, as TLS has them, and every Node whose
 * socket handles are not as they are known. Imported first, since the wire is chosen when its module is read.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

process.env.PLEXUS_WIRE = 'socket'

test('public sockets are in use', async () => {
  const { handlesUsable } = await import('../../../router/forward/wire.ts')
  assert.equal(handlesUsable, false)
})
