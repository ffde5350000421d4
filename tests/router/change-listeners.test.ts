import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as net from 'node:net'
import { type TestContext, test } from 'node:test'
import { changeListeners } from '../../router/change-listeners.ts'
import type { ListenerConfig } from '../../router/config/types.ts'
import type { OpenListener } from '../../router/listeners.ts'

const listener = (host: string, port: number, more: Partial<ListenerConfig> = {}): ListenerConfig => ({
  address: { kind: 'tcp', host, port },
  expose: ['client'],
  ...more,
})

/** A set of listeners that is changed step by step; each connection is greeted with what its listener exposes. */
const start = async (t: TestContext, ...configs: readonly ListenerConfig[]) => {
  let listeners: OpenListener[] = []
  const sockets: net.Socket[] = []
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await Promise.all(listeners.map((one) => one.close()))
  })
  const change = async (...wanted: readonly ListenerConfig[]) => {
    const changed = await changeListeners(wanted, listeners, ({ exposes }, _peer, makeWire) => {
      const wire = makeWire({
        onBytes: (bytes, length) => void wire.writeString(bytes.toString('latin1', 0, length)),
        onDrain() {},
        onEnd: () => wire.close(),
      })
      wire.writeString(`${[...exposes]}\n`)
    })
    listeners = changed.listeners
    return changed.error
  }
  const greeting = async (port: number, host = '127.0.0.1') => {
    const socket = net.connect({ host, port })
    sockets.push(socket)
    await once(socket, 'connect')
    return { socket, text: String((await once(socket, 'data'))[0]) }
  }
  assert.equal(await change(...configs), undefined)
  return { change, greeting, listeners: () => listeners }
}

test('from 127.0.0.1 to 0.0.0.0 and back, on the same port; what was accepted lives on', async (t) => {
  const { change, greeting, listeners } = await start(t, listener('127.0.0.1', 0))
  const { port } = listeners()[0]!
  const { socket } = await greeting(port)
  assert.equal(await change(listener('0.0.0.0', port, { expose: ['federation'] })), undefined)
  assert.deepEqual(
    listeners().map(({ url }) => url),
    [`http://0.0.0.0:${port}`],
  )
  assert.equal((await greeting(port, '127.0.0.2')).text, 'federation\n')
  assert.equal(await change(listener('127.0.0.1', port)), undefined)
  assert.equal((await greeting(port)).text, 'client\n')
  await assert.rejects(greeting(port, '127.0.0.2'), /ECONNREFUSED/)
  socket.write('still here')
  assert.equal(String((await once(socket, 'data'))[0]), 'still here')
})

test('what cannot be had changes nothing: the listener that made room comes back, with what it exposed', async (t) => {
  const { change, greeting, listeners } = await start(t, listener('127.0.0.1', 0), listener('127.0.0.1', 0))
  const [first, second] = listeners().map(({ port }) => port) as [number, number]
  const other = net.createServer().listen(0, '127.0.0.3')
  await once(other, 'listening')
  t.after(() => void other.close())
  const taken = (other.address() as net.AddressInfo).port
  const before = listeners().map(({ url }) => url)
  const error = await change(
    listener('127.0.0.1', 0, { expose: ['admin'] }),
    listener('0.0.0.0', second),
    listener('0.0.0.0', taken),
  )
  assert.match(String(error), /EADDRINUSE.*0\.0\.0\.0/)
  assert.deepEqual(
    listeners()
      .map(({ url }) => url)
      .toSorted(),
    before.toSorted(),
  )
  assert.deepEqual([(await greeting(first)).text, (await greeting(second)).text], ['client\n', 'client\n'])
  await assert.rejects(greeting(second, '127.0.0.2'), /ECONNREFUSED/)
})

test('a certificate that cannot be read changes nothing', async (t) => {
  const { change, greeting, listeners } = await start(t, listener('127.0.0.1', 0))
  const { port } = listeners()[0]!
  const tls = { certificateFile: '/nowhere/certificate.pem', keyFile: '/nowhere/key.pem' }
  assert.match(String(await change(listener('127.0.0.1', port, { tls }))), /ENOENT/)
  assert.equal((await greeting(port)).text, 'client\n')
})
