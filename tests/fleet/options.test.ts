import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOptions } from '../../fleet/options.ts'

const read = (...args: string[]) => readOptions(args, '/home/me', '/checkout/data')

test('without options: port 8008, data in the checkout, two of each kind', () => {
  assert.deepEqual(read(), {
    port: 8008,
    adminPort: 9180,
    data: '/checkout/data',
    workers: 2,
    postgres: undefined,
    redis: undefined,
    serverName: undefined,
  })
})

test('a path is meant from where npm was called; with any port the admin address has any, too', () => {
  const options = read('--data', 'mine', '--port', '0')
  assert.ok(options !== 'help')
  assert.deepEqual([options.data, options.port, options.adminPort], ['/home/me/mine', 0, 0])
})

for (const [args, message] of [
  [['--prot', '1'], /^Unknown option '--prot'\n\nnpm start/],
  [['--port', '70000'], /^--port 70000: expected a number from 0 to 65535$/],
  [['--workers', '-1'], /workers/],
  [['--workers', '17'], /^--workers 17: expected a number from 0 to 16$/],
] as const)
  test(`refused: ${args.join(' ')}`, () => {
    assert.throws(() => read(...args), { message })
  })
