import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { table } from '../../../shared/endpoints/table.ts'
import { unserved } from '../../../shared/endpoints/unserved.ts'
import { makeServices, type ServicesDeps } from '../../../worker/services/services.ts'
import { START } from '../../../worker/streams/tokens.ts'
import { configWith } from '../../harness/accounts-server.ts'
import { makeLoneStreams } from '../../harness/lone-streams.ts'

/** Knows everything by name, and nothing else: services are made, not used. */
const nothing = (): unknown =>
  new Proxy(() => undefined, {
    get: (_, name) => (name === 'then' || typeof name === 'symbol' ? undefined : nothing()),
    apply: () => new Promise(() => {}),
  })

const lone = makeLoneStreams()

/** What is served behind a flag, or with a setting, is served. */
const ALL_ON = {
  refreshable_access_token_lifetime: '5m',
  matrix_rtc: { transports: [{ type: 'livekit', livekit_service_url: 'https://rtc.hs.test' }] },
  experimental_features: {
    msc3391_enabled: true,
    msc3720_enabled: true,
    msc3814_enabled: true,
    msc3881_enabled: true,
    msc4133_enabled: true,
    msc4143_enabled: true,
    msc4306_enabled: true,
  },
}

const BROWSERS_AND_CLIENTS = /^(client|synapse-client)\//

const streams = new Proxy({} as ServicesDeps['streams'], {
  get: (_, name) => (name === 'now' ? () => START : (Reflect.get(lone, name) ?? nothing())),
})

test('every client endpoint of the table is served, or has a reason why not', async (t) => {
  const services = makeServices({
    config: configWith(t, ALL_ON),
    version: '0',
    db: nothing() as ServicesDeps['db'],
    streams,
    caches: nothing() as ServicesDeps['caches'],
    client: nothing() as ServicesDeps['client'],
    send: () => false,
    logger: () => pino({ enabled: false }),
    now: Date.now,
  })
  const served = new Set(services.operations.map(({ name }) => name))
  const missing = table.filter(({ file, name }) => BROWSERS_AND_CLIENTS.test(file) && !served.has(name))
  assert.deepEqual(missing.map(({ name }) => name).sort(), Object.keys(unserved).sort())
})
