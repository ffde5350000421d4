/**
 * What does the worker's HTTP layer cost, above Node's own? CPU of the server process per request, 64 keep-alive connections,
 * contestants in turn in each round. Where others use the machine, the quiet moments say more than the median.
 *
 *     node bin/plexus-node.js bench/worker-http.ts [rounds]
 */

import { describeMachine, machine } from './machine.ts'
import { ask, startModule, stop } from './processes.ts'
import type { InProcessSample } from './worker-http/in-process.ts'
import type { Job, Sample } from './worker-http/load.ts'
import { type Contestant, contestants } from './worker-http/serve.ts'

const rounds = Number(process.argv[2] ?? 5)
const CONNECTIONS = 64

const fields =
  'Host: example.org\r\nAuthorization: Bearer syt_YWxpY2U_abcdefghijklmnopqrst_0abcde\r\nUser-Agent: Element/1.11\r\n' +
  'Accept: application/json\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Request-ID: 0123456789abcdef-12\r\n'
const typing = '{"typing":true,"timeout":30000}'
const requests: Readonly<Record<string, { request: string; end: string; contestants: readonly Contestant[] }>> = {
  'GET whoami': {
    request: `GET /_matrix/client/v3/account/whoami HTTP/1.1\r\n${fields}\r\n`,
    end: '}',
    contestants,
  },
  'PUT typing, a body of 31 bytes': {
    request:
      'PUT /_matrix/client/v3/rooms/!abcdefghijklmnopqr%3Aexample.org/typing/%40alice%3Aexample.org HTTP/1.1\r\n' +
      `${fields}Content-Type: application/json\r\nContent-Length: ${typing.length}\r\n\r\n${typing}`,
    end: '{}',
    contestants: contestants.filter((name) => name !== 'net'),
  },
}

const module = (name: string) => startModule(new URL(`worker-http/${name}.ts`, import.meta.url))
const quantile = (values: readonly number[], q: number): string =>
  (values.toSorted((a, b) => a - b)[Math.floor(q * values.length)] ?? Number.NaN).toFixed(1)

console.log(describeMachine(machine()))
console.log(
  `${rounds} rounds, ${CONNECTIONS} connections; µs of CPU per request in windows of 100 ms: the quietest tenth, and`,
)
console.log(
  'the median; and without sockets, on connections that are objects in the same process, the quietest tenth\n',
)
const loader = module('load')
for (const [kind, { request, end, contestants: names }] of Object.entries(requests)) {
  const overSockets = new Map<Contestant, number[]>(names.map((name) => [name, []]))
  const within = new Map<Contestant, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const contestant of names) {
      const child = module('serve')
      const { port } = await ask<{ port: number }>(child, { contestant })
      const job: Job = {
        port,
        request,
        end,
        connections: CONNECTIONS,
        warmupMs: 2_000,
        measureMs: 2_000,
        pid: child.pid!,
      }
      const { windowsUs, wrong } = await ask<Sample>(loader, job)
      if (wrong !== undefined) throw new Error(`${contestant}: ${wrong}`)
      overSockets.get(contestant)!.push(...windowsUs)
      await stop(child)
      if (contestant === 'net') continue
      const alone = module('in-process')
      within.get(contestant)!.push(...(await ask<InProcessSample>(alone, { contestant, request, end })).windowsUs)
      await stop(alone)
    }
  console.log(`| ${kind} | quiet | median | without sockets |\n|---|--:|--:|--:|`)
  for (const [name, values] of overSockets) {
    const alone = within.get(name)!
    console.log(
      `| ${name} | ${quantile(values, 0.1)} | ${quantile(values, 0.5)} | ${alone.length === 0 ? '' : quantile(alone, 0.1)} |`,
    )
  }
  console.log()
}
await stop(loader)
