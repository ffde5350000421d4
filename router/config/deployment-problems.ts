import { addressKey, isPrivateHost } from '../../shared/config/address.ts'
import type { Place, Problem } from '../../shared/config/problem.ts'
import { HARD_STREAMS } from '../../shared/synapse-config/streams.ts'
import { type Deployment, httpListener, type Listener, type Process } from './synapse.ts'

/** What cannot work, or not as meant, in a deployment: said where the setting stands. */
export const deploymentProblems = (deployment: Deployment): readonly Problem[] => {
  const { main, workers, streamWriters, instanceMap, placeOf } = deployment
  const problems: Problem[] = []
  const warn = (path: string, message: string, place?: Place) =>
    problems.push({ path, message, severity: 'warning', ...(place && { place }) })

  const byName = new Map<string, Process>([['main', main]])
  for (const worker of workers) {
    const twin = byName.get(worker.name)
    if (twin)
      warn(
        'worker_name',
        `${worker.name} is also the name in ${twin.file}: two processes of one name take each other's work`,
        worker.place,
      )
    else byName.set(worker.name, worker)
  }

  const bound: { readonly process: Process; readonly listener: Listener }[] = []
  for (const process of [main, ...workers])
    for (const listener of process.listeners) {
      const { address, resources, path, place } = listener
      const clash = bound.find(({ listener: other }) => addressKey(other.address) === addressKey(address))
      if (clash)
        warn(path, `${addressKey(address)} is also the address of ${clash.process.name} (${clash.process.file})`, place)
      bound.push({ process, listener })
      const serves = resources.has('client') || resources.has('federation') || resources.has('media')
      if (listener.http && serves && listener.tls)
        warn(
          path,
          `${process.name} speaks TLS here, the router plain HTTP to workers: give it a listener without tls`,
          place,
        )
      else if (listener.http && serves && !listener.xForwarded)
        warn(
          path,
          `${process.name} has no x_forwarded: true here: it will take all clients for the router, and rate-limit them as one`,
          place,
        )
      if (resources.has('replication') && !listener.loopback && !deployment.replicationSecret) {
        const open = address.kind === 'tcp' && (listener.note !== undefined || !isPrivateHost(address.host))
        warn(
          path,
          `replication of ${process.name} is ${open ? 'open to all' : 'not on a loopback address'} without worker_replication_secret: who reaches it can act as any user`,
          place,
        )
      }
    }

  for (const [stream, writers] of streamWriters) {
    const place = placeOf('stream_writers', stream)
    const path = `stream_writers.${stream}`
    for (const name of writers) {
      if (name === 'main') continue
      const writer = byName.get(name)
      if (!instanceMap.has(name)) warn(path, `${name} is not in instance_map: Synapse will not start`, place)
      if (!writer) {
        warn(
          path,
          `${name} is no worker of the files given${HARD_STREAMS.has(stream) ? `: requests for ${stream} will be answered 500` : ''}`,
          place,
        )
        continue
      }
      if (!writer.listeners.some(({ resources }) => resources.has('replication')))
        warn(path, `${name} has no replication listener: others cannot hand it their writes`, place)
      const resource = stream === 'quarantined_media_changes' ? 'media' : 'client'
      if (HARD_STREAMS.has(stream) && !httpListener(writer, resource))
        warn(path, `${name} has no ${resource} listener: requests for ${stream} go to main, which answers 500`, place)
    }
  }

  if (workers.length > 0) {
    if (!instanceMap.has('main'))
      warn('instance_map', 'main is not in it: no worker will start', placeOf('instance_map'))
    if (!deployment.redis) warn('redis', 'workers need redis: {enabled: true}', placeOf('redis'))
  }
  if (!main.mediaRepository && !workers.some((worker) => worker.mediaRepository && httpListener(worker, 'media')))
    warn(
      'enable_media_repo',
      'false, and no worker has a media listener: media is answered 404',
      placeOf('enable_media_repo'),
    )
  for (const [job, names] of deployment.jobs)
    for (const name of names) if (!byName.has(name)) warn(job, `${name} is no worker of the files given`)
  return problems
}
