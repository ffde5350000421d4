/** Tables of rules that several tests share. */

import { existsSync, readFileSync } from 'node:fs'
import type { Rule } from '../../../router/routing/rule.ts'

export const rule = (match: string, more: Partial<Rule> = {}): Rule => ({ pool: 'worker', match, name: match, ...more })

const documentation = new URL('../../../../shared/synapse/workers.md', import.meta.url)

/**
 * Every regular expression that Synapse's documentation of workers prints, in its order (nginx's example included), or
 * undefined where the documentation is not at hand.
 */
export const documentedTable = (): readonly Rule[] | undefined => {
  if (!existsSync(documentation)) return undefined
  const text = readFileSync(documentation, 'utf8')
  return [...text.matchAll(/^(?: {4}|location ~ )(\^\S+)/gm)].map(([, match]) => rule(match!))
}

/** All that is peculiar in the documented table, with methods and conditions besides. */
export const quirkyTable: readonly Rule[] = [
  rule('^/_matrix/client/(r0|v3)/sync$', { methods: ['GET'], when: { initialSync: true } }),
  rule('^/_matrix/client/(r0|v3)/sync$', { methods: ['GET'] }),
  rule('^/_matrix/client/(api/v1|r0|v3)/rooms/[^/]+/initialSync$'),
  rule('^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/[^/]+/messages$', { when: { query: { dir: 'b' } } }),
  rule('^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/[^/]+/messages$', {
    when: { query: { from: false, dir: true } },
  }),
  rule('^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/messages$'),
  rule('^/_matrix/federation/v1/send/', { methods: ['PUT'] }),
  rule('^/_matrix/federation/(v1|v2)/(?:send_join|send_leave|invite)/'),
  rule('^/_matrix/key/v2/query', { methods: ['GET', 'POST'] }),
  rule('^/_matrix/client/v1/register/m.login.registration_token/validity$'),
  rule('^/_matrix/client/(api/v1|r0|v3|unstable/.*)/rooms/.*/aliases'),
  rule('^/_matrix/client/(r0|v3|unstable)/user/.*/filter(/|$)'),
  rule('^/_matrix/client/v1/delayed_events(/[^/]+(/restart)?)?$', { methods: ['GET'] }),
  rule('^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/context/.*$'),
  rule('^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/(join|invite|leave|ban|unban|kick)$', { methods: ['POST'] }),
  rule('^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/send', { methods: ['PUT', 'POST'] }),
  rule('^/_matrix/client/(?P<version>r0|v3|unstable)/.*/tags'),
  rule('^/_matrix/client/(?<version>r0|v3|unstable)/.*/account_data', { when: { query: { 'a b&ü': 'c+d' } } }),
  rule('^/_matrix/media/(r0|v[13])/(download|thumbnail)/[\\w\\.-]+(:\\d{1,5})?/[^/]+$'),
  rule('^/_matrix/media/'),
  rule('^/_matrix/client/(r0|v3)/profile/[^/]*?(/displayname|/avatar_url)??$'),
  rule('/devices/?$'),
]
