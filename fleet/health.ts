/** Does a process answer? */

import { request } from 'node:http'
import type { Place } from './configuration.ts'

/** True if `GET /health` is answered with 200; false for any other answer; rejects where there is none within a second. */
export const isHealthy = (place: Place, path = '/health'): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const where = 'path' in place ? { socketPath: place.path } : { host: '127.0.0.1', port: place.port }
    const asked = request({ ...where, path, agent: false, timeout: 1_000 }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode === 200))
      response.once('error', reject)
    })
    asked.once('timeout', () => asked.destroy(new Error('no answer within a second')))
    asked.once('error', reject)
    asked.end()
  })
