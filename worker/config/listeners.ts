/** Where a process listens, and whether it can. */

import { type Address, addressesCollide, addressKey, isPrivateHost } from '../../shared/config/address.ts'
import { type InstanceLocation, locationAddress } from '../../shared/synapse-config/instance-map.ts'
import { addressesOf, isLocal, type Listener, type Resource, serves } from '../../shared/synapse-config/listener.ts'
import type { SynapseValues } from './schema.ts'
import type { Telling } from './telling.ts'
import type { ListenerConfig } from './types.ts'

/** What no process of ours serves. */
const UNSERVED: Readonly<Partial<Record<Resource, string>>> = {
  consent: 'terms are not asked for',
  static: 'there are no pages of its own',
}

const asConfig = (listener: Listener): ListenerConfig | undefined => {
  if (listener.type === 'manhole') return undefined
  const resources =
    listener.type === 'metrics' ? (['metrics'] as const) : listener.resources.flatMap(({ names }) => names)
  return {
    type: listener.type,
    address:
      listener.kind === 'unix'
        ? { kind: 'unix', path: listener.path, mode: listener.mode }
        : { kind: 'tcp', port: listener.port, bindAddresses: listener.bindAddresses },
    resources: [...new Set(resources)],
    compress: [...new Set(listener.resources.flatMap(({ names, compress }) => (compress ? names : [])))],
    xForwarded: listener.xForwarded,
    tls: listener.kind === 'tcp' && listener.tls,
    tag: listener.tag,
    requestIdHeader: listener.requestIdHeader,
  }
}

interface ListenerSetting {
  readonly key: 'listeners' | 'worker_listeners'
  readonly listeners: SynapseValues['listeners']
  readonly hasMediaRepo: boolean
  readonly enableMetrics: boolean
  readonly replicationSecret: string | undefined
}

/** The listeners that will be opened; what is wrong in them is told. */
export const listenersOf = (
  { key, listeners, hasMediaRepo, enableMetrics, replicationSecret }: ListenerSetting,
  { error, warn }: Telling,
): readonly ListenerConfig[] => {
  listeners.forEach(({ value: listener, position }, i) => {
    const path = `${key}[${position}]`
    if (listener.type === 'manhole') warn(path, 'not opened: there is no Python to open a shell in')
    if (listener.additionalResources) warn(path, 'additional_resources are not served: they are Python')
    const isMetrics = serves(listener, 'metrics')
    if (listener.type === 'metrics' && listener.kind === 'unix')
      error(
        path,
        'metrics on a Unix socket: no Synapse starts with that; give a resource of that name to a listener of type http',
      )
    if (isMetrics && !enableMetrics) warn(path, 'will have no metrics: enable_metrics is not true')
    if (listener.type === 'http' && listener.resources.every(({ names }) => names.length === 0))
      warn(path, 'has no resources: it serves /health alone')
    if (serves(listener, 'media') && !hasMediaRepo)
      warn(path, 'media are not served: enable_media_repo is false, and this is no media_repository')
    for (const [resource, why] of Object.entries(UNSERVED))
      if (serves(listener, resource as Resource)) warn(path, `${resource} is not served: ${why}`)

    const taken = listeners
      .slice(0, i)
      .find(({ value: other }) =>
        addressesOf(other).some((a) => addressesOf(listener).some((b) => addressesCollide(a, b))),
      )
    if (taken) error(path, `its address is taken by ${key}[${taken.position}]`)

    if (serves(listener, 'replication') && !isLocal(listener) && replicationSecret === undefined) {
      const open = listener.kind === 'tcp' && !listener.bindAddresses.every(isPrivateHost)
      const message = `replication is ${open ? 'open to all' : 'not on a loopback address'} without worker_replication_secret: who reaches it can act as any user`
      if (open) error(path, message)
      else warn(path, message)
    }
  })
  return listeners.flatMap(({ value }) => asConfig(value) ?? [])
}

/** The addresses of a listener that was read. */
export const listenerAddresses = ({ address }: ListenerConfig): readonly Address[] =>
  address.kind === 'unix'
    ? [{ kind: 'unix', path: address.path }]
    : address.bindAddresses.map((host) => ({ kind: 'tcp', host, port: address.port }))

/** `unix:/run/a.sock`, or the port with what it is bound to: `127.0.0.1:8008`. */
export const listenerName = (listener: ListenerConfig): string => listenerAddresses(listener).map(addressKey).join(', ')

/** Would a connection to `location`, made on this machine, end at `listener`? By its port or path alone, as names of hosts may be anyone's. */
export const isAt = (location: InstanceLocation, { address }: ListenerConfig): boolean => {
  const sought = locationAddress(location)
  if (sought.kind === 'unix') return address.kind === 'unix' && address.path === sought.path
  return address.kind === 'tcp' && address.port === sought.port
}
