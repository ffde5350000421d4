/**
 * One homeserver for the Complement suite: a whole fleet in one folder, that runs until SIGTERM. What it is to be is said by
 * its environment, as for every homeserver that runs without Docker there:
 *
 *     SERVER_NAME          the server's name
 *     HS_CLIENT_PORT       plain HTTP, for clients
 *     HS_FED_PORT          TLS, for other servers and clients; the certificate is signed by HS_CA_CERT with HS_CA_KEY
 *     HS_DATA              the folder; a copy of it, made while the processes were frozen, starts as another homeserver
 *     HS_APPSERVICE_DIR    registrations of application services, *.yaml (default: none)
 *     HS_BIND, HS_REGISTRATION_SECRET, HS_PUBLIC_BASEURL
 *     HS_WORKERS           how many of each kind (default: 1; 0: main alone)
 */

import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { StartError } from '../../fleet/child.ts'
import { startFleet } from '../../fleet/start.ts'
import { followErrors } from './follow-errors.ts'
import { conformanceSettings } from './settings.ts'

const root = dirname(dirname(import.meta.dirname))

const required = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} is not set`)
  return value
}

/** A certificate for the host of `serverName`, signed anew at each start: the authority is another one with each run. */
const signCertificate = (folder: string, serverName: string, authority: string, authorityKey: string) => {
  const host = serverName.replace(/:\d+$/, '')
  const at = (name: string) => join(folder, name)
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  writeFileSync(at('names'), `subjectAltName=${isIP(host) ? 'IP' : 'DNS'}:${host}\n`)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key.pem')]
  openssl('req', '-new', ...key, '-subj', `/CN=${host}`, '-out', at('request.pem'))
  const serial = `0x${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`
  const signed = ['-CA', authority, '-CAkey', authorityKey, '-set_serial', serial, '-days', '2']
  openssl('x509', '-req', '-in', at('request.pem'), ...signed, '-extfile', at('names'), '-out', at('certificate.pem'))
  return { certificate: at('certificate.pem'), key: at('key.pem') }
}

const main = async (): Promise<void> => {
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'])
      process.once(signal, () => {
        stopping.abort(new Error('stopped while it started'))
        resolve()
      })
  })
  const data = required('HS_DATA')
  const serverName = required('SERVER_NAME')
  const clientPort = required('HS_CLIENT_PORT')
  const bind = process.env.HS_BIND || '0.0.0.0'
  const authority = required('HS_CA_CERT')
  const folder = (name: string) => {
    const path = join(data, name)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return path
  }
  const tls = signCertificate(folder('tls'), serverName, authority, required('HS_CA_KEY'))
  writeFileSync(
    join(folder('secrets'), 'registration_shared_secret'),
    process.env.HS_REGISTRATION_SECRET || 'complement',
  )
  const appservices = process.env.HS_APPSERVICE_DIR
  writeFileSync(
    join(folder('conf.d'), 'conformance.yaml'),
    stringify({
      ...conformanceSettings,
      public_baseurl: process.env.HS_PUBLIC_BASEURL || `http://127.0.0.1:${clientPort}/`,
      federation_custom_ca_list: [authority],
      app_service_config_files: appservices ? globSync(join(appservices, '*.yaml')).sort() : [],
    }),
  )
  // A copied folder has that of the Postgres that it was copied from; its process number may be anyone's here.
  rmSync(join(data, 'postgres', 'postmaster.pid'), { force: true })

  const fleet = await startFleet(
    {
      port: 0,
      adminPort: 0,
      data,
      workers: Number(process.env.HS_WORKERS || 1),
      postgres: undefined,
      redis: undefined,
      serverName,
    },
    {
      root,
      listen: [
        { address: `http://${bind}:${clientPort}` },
        { address: `https://${bind}:${required('HS_FED_PORT')}`, ...tls },
      ],
      // The suite begins as soon as anything answers.
      isRouterLast: true,
      say: console.log,
      signal: stopping.signal,
    },
  )
  const unfollow = followErrors(join(data, 'logs'), console.log)
  console.log('up')
  await stopped
  await fleet.stop()
  unfollow()
}

try {
  await main()
} catch (error) {
  if (error instanceof StartError) console.error(error.output)
  console.error((error as Error).message)
  process.exitCode = 1
}
process.exit()
