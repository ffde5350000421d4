/**
 * What does a line of the access log cost? Ours against pino's logger and against pino's destination with our line.
 *
 *     node bench/access-log.ts [runs]
 */

import { cpus } from 'node:os'
import pino from 'pino'
import { type AccessEntry, makeAccessLog } from '../router/telling/access-log.ts'
import { makeLogFile } from '../shared/log-file.ts'
import { redactTarget } from '../shared/redact.ts'

const LINES = 200_000
const BATCH = 100
const runs = Number(process.argv[2] ?? 5)

const targets = [
  '/_matrix/client/v3/sync?timeout=30000&since=s72595_4483_1934_231_43_1_12_3_0&filter=0',
  '/_matrix/client/v3/rooms/!abcdefghijklmnopqr:example.org/send/m.room.message/m1700000000.1',
  '/_matrix/client/v3/sync?access_token=syt_YWxpY2U_abcdefghijklmnopqrst_0abcde&timeout=0',
  '/_matrix/client/v3/rooms/!abcdefghijklmnopqr%3Aexample.org/messages?limit=50&dir=b&filter=%7B%22lazy%22%3Atrue%7D',
]
const entry = (i: number): AccessEntry => ({
  requestId: `r${i}`,
  clientIp: `192.0.2.${i & 255}`,
  method: 'GET',
  target: targets[i & 3]!,
  status: 200,
  bytesSent: 400 + (i & 1023),
  durationMs: (i & 8191) / 7,
  route: 'sync',
  pool: 'sync',
  worker: '127.0.0.1:8013',
  retries: 0,
  error: '',
})

interface Contender {
  readonly log: (entry: AccessEntry) => void
  readonly end: () => Promise<void>
}

const file = { file: '/dev/null' }
const destination = () => pino.destination({ dest: '/dev/null', sync: false, minLength: 16_000, periodicFlush: 1_000 })
const ended = async (to: ReturnType<typeof destination>): Promise<void> => {
  await new Promise((resolve) => to.once('close', resolve).end())
}
const contenders: Record<string, () => Contender> = {
  'no log, objects only': () => ({ log: () => {}, end: async () => {} }),
  'access-log.ts, log-file.ts': () => {
    const to = makeLogFile({ to: file, report: console.error })
    return { log: makeAccessLog(to.write).log, end: to.close }
  },
  "access-log.ts, pino's destination": () => {
    const to = destination()
    return { log: makeAccessLog((line) => to.write(line)).log, end: () => ended(to) }
  },
  pino: () => {
    const to = destination()
    const logger = pino({ base: { pid: process.pid } }, to)
    const log = ({
      requestId,
      clientIp,
      method,
      target,
      status,
      bytesSent,
      durationMs,
      route,
      pool,
      worker,
    }: AccessEntry) =>
      logger.info(
        {
          request_id: requestId,
          client_ip: clientIp,
          method,
          target: redactTarget(target),
          status,
          bytes_sent: bytesSent,
          duration_ms: durationMs,
          route,
          pool,
          worker,
        },
        'request',
      )
    return { log, end: () => ended(to) }
  },
}

/** CPU of the whole process, writing threads included, in µs a line. */
async function measure({ log, end }: Contender): Promise<number> {
  const start = process.cpuUsage()
  for (let i = 0; i < LINES; ) {
    for (const stop = i + BATCH; i < stop; i++) log(entry(i))
    await new Promise(setImmediate)
  }
  await end()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / LINES
}

const results = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]))
for (let run = 0; run <= runs; run++)
  for (const [name, make] of Object.entries(contenders)) {
    const cost = await measure(make())
    if (run > 0) results.get(name)!.push(cost)
  }

console.log(`${cpus()[0]?.model}, Node ${process.version}, ${runs} runs of ${LINES} lines; µs of CPU a line`)
for (const [name, costs] of results) {
  costs.sort((a, b) => a - b)
  const [median, least, most] = [costs[costs.length >> 1]!, costs[0]!, costs.at(-1)!].map((cost) => cost.toFixed(2))
  console.log(`${name.padEnd(36)} ${median}  (${least} – ${most})`)
}
process.exit()
