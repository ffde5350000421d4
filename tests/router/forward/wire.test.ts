import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as net from 'node:net'
import { test } from 'node:test'
import { socketWire } from '../../../router/forward/wire.ts'

test('over a public socket: what a write said true to may be changed at once, as a wire reads its next bytes over it', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  const [peer] = (await once(server, 'connection')) as [net.Socket]
  t.after(() => {
    socket.destroy()
    peer.destroy()
    server.close()
  })
  let received = ''
  peer.setEncoding('latin1').on('data', (text: string) => {
    received += text
  })
  const wire = socketWire(socket, { onBytes() {}, onDrain() {}, onEnd() {} })
  socket.cork() // as while the write before is under way
  const bytes = Buffer.alloc(20_000)
  let expected = ''
  for (const letter of ['a', 'b', 'c', 'd', 'e']) {
    bytes.fill(letter)
    expected += bytes.toString()
    if (!wire.writeOwned(bytes)) break
  }
  bytes.fill(expected.at(-1)!)
  socket.uncork()
  while (received.length < expected.length) await once(peer, 'data')
  assert.equal(received, expected)
})
