/** Stand-ins for the routing tables: a few endpoints, regular expressions tried in order. */

import type { RoutingTables } from '../../../router/config/tables.ts'
import type { Rule } from '../../../router/routing/rule.ts'
import type { Endpoint, EndpointClass, Method, Served } from '../../../shared/endpoints/types.ts'

const endpoint = (method: Method, path: string, served: Served, itsClass: EndpointClass): Endpoint => ({
  method,
  under: ['/_matrix/client/v3'],
  path,
  auth: 'user',
  served,
  class: itsClass,
})
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  sync: endpoint('GET', '/sync', 'generic', 'sync'),
  sendMessage: endpoint('PUT', '/rooms/{roomId}/send/{eventType}/{txnId}', 'generic', 'event_send'),
  getMembersByRoom: endpoint('GET', '/rooms/{roomId}/members', 'generic', 'room_read'),
  uploadKeys: endpoint('POST', '/keys/upload', 'generic', 'keys_upload'),
  setTyping: endpoint('PUT', '/rooms/{roomId}/typing/{userId}', { writer: 'typing', hard: true }, 'typing'),
  postReceipt: endpoint(
    'POST',
    '/rooms/{roomId}/receipt/{receiptType}/{eventId}',
    { writer: 'receipts', hard: true },
    'receipts',
  ),
  logout: endpoint('POST', '/logout', 'main', 'main'),
}

const matches = ({ match, methods, when }: Rule, path: string, query: string, method: string): boolean =>
  new RegExp(match).test(path) &&
  (methods?.some((allowed) => allowed === method) ?? true) &&
  (when?.initialSync === undefined || when.initialSync === !/(^|&)since=./.test(query))

export const tables: RoutingTables = {
  parsePattern: (pattern) => {
    const mistakes = [...pattern.matchAll(/\(\?[=!]/g)].map(({ index }) => ({
      offset: index,
      message: 'look-ahead is not read here',
    }))
    return mistakes.length === 0 ? { ok: true } : { ok: false, mistakes }
  },
  pools: new Set([
    'main',
    'generic',
    'sync',
    'initial_sync',
    'sliding_sync',
    'client_read',
    'room_read',
    'messages',
    'event_send',
    'login',
    'sso',
    'mas',
    'keys_upload',
    'device_lists',
    'to_device',
    'typing',
    'receipts',
    'presence',
    'account_data',
    'push_rules',
    'thread_subscriptions',
    'user_directory',
    'media',
    'media_admin',
    'federation_read',
    'federation_in',
  ]),
  newest: [1, 163],
  builtInRules: ({ pools }) =>
    Object.entries(ENDPOINTS).flatMap(([name, known]): readonly Rule[] => {
      const own = pools.has(known.class)
        ? known.class
        : known.served === 'generic' && pools.has('generic')
          ? 'generic'
          : 'main'
      const match = `^/_matrix/client/v3${known.path.replaceAll(/\{\w+\}/g, '[^/]*')}$`
      const rule: Rule = { name, match, methods: [known.method], pool: own, endpoint: known }
      return name === 'sync' && pools.has('initial_sync')
        ? [{ ...rule, when: { initialSync: true }, pool: 'initial_sync' }, rule]
        : [rule]
    }),
  matchInOrder: (rules, path, query, method) => rules.findIndex((rule) => matches(rule, path, query, method)),
  unreachableRules: (rules) => ({
    unreachable: rules.flatMap((rule, index) => {
      const same = rules.findIndex((other) => other.match === rule.match && !other.methods && !other.when)
      return same !== -1 && same < index ? [{ rule: index, by: [same] }] : []
    }),
  }),
}
