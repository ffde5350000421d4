/** Which Synapse answers behind `main`: by the federation API's version (server-server-api/#get_matrixfederationv1version). */

import { request } from 'node:http'
import type { Address } from '../shared/config/address.ts'
import type { SynapseVersion } from '../shared/endpoints/types.ts'

/** Asks once. Undefined: no answer within `timeoutMs`, or not from a Synapse. */
export const detectSynapse = (address: Address, timeoutMs: number): Promise<SynapseVersion | undefined> =>
  new Promise((resolve) => {
    const where = address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port }
    const attempt = request({
      ...where,
      path: '/_matrix/federation/v1/version',
      agent: false,
      headers: { host: 'localhost' },
    })
    const settle = (version: SynapseVersion | undefined) => {
      clearTimeout(timer)
      attempt.destroy()
      resolve(version)
    }
    const timer = setTimeout(settle, timeoutMs, undefined)
    attempt.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > 4096) settle(undefined)
      })
      response.on('end', () => settle(versionIn(text)))
      response.on('error', () => settle(undefined))
    })
    attempt.on('error', () => settle(undefined))
    attempt.end()
  })

/** `{"server":{"name":"Synapse","version":"1.163.2"}}`; distributions append to the number. */
export const versionIn = (text: string): SynapseVersion | undefined => {
  try {
    const { server } = JSON.parse(text) as { server?: { name?: unknown; version?: unknown } }
    if (server?.name !== 'Synapse' || typeof server.version !== 'string') return undefined
    const match = /^(\d{1,3})\.(\d{1,4})(\D|$)/.exec(server.version)
    return match === null ? undefined : [Number(match[1]), Number(match[2])]
  } catch {
    return undefined
  }
}
