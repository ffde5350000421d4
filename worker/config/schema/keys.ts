/** Signing keys, TLS, and what concerns other servers. */

import { isIP } from 'node:net'
import { optional, record, required, scalar, type Type, withDefault } from '../../../shared/config/decode.ts'
import { isServerName } from '../../../shared/matrix/ids/server-name.ts'
import { duration, filledText, flag, listOf, whole } from '../../../shared/synapse-config/types.ts'
import { ms, noEffect, notYet, refused, section } from '../keys.ts'

const serverName: Type<string> = {
  expected: 'a server name',
  read: (node, path, reading) => {
    const value = filledText('a server name').read(node, path, reading)
    if (value === undefined || isServerName(value)) return value
    reading.problem(path, `expected a server name, got ${JSON.stringify(value)}`, node && { node })
    return undefined
  },
}
const keyId = (text: string) =>
  /^ed25519:[A-Za-z0-9_]+$/.test(text) ? { value: text } : { expected: 'the ID of a key, such as ed25519:a_AbCd' }

const addressRange = scalar('an IP address, or a range as 10.0.0.0/8', (text) => {
  const [address = '', bits = '0', ...more] = text.split('/')
  const family = isIP(address)
  const most = family === 4 ? 32 : 128
  const isRange = family !== 0 && /^\d+$/.test(bits) && Number(bits) <= most && more.length === 0
  return isRange ? { value: text } : { expected: 'an IP address, or a range as 10.0.0.0/8' }
})

export const oldKeySection = section(
  {
    key: required(
      filledText('a public key in base64'),
      'The public key, in base64.',
      'XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI',
    ),
    expired_ts: ms(
      required(
        whole('milliseconds since 1970'),
        'When the server stopped using it, in ms since 1970.',
        '1623000000000',
      ),
    ),
  },
  'a map with key and expired_ts',
)

export const keyServerSection = section(
  {
    server_name: required(serverName, 'Its name.', 'matrix.org'),
    verify_keys: optional(
      record(keyId, filledText('a public key in base64'), 'a map of keys'),
      'it is believed for its certificate',
      'Its public keys, in base64.',
      '{"ed25519:auto": Noi6WqcDj0QmPxCNQqgezwTlBKrfqehY1u2FyWP9uYw}',
    ),
    accept_keys_insecurely: withDefault(
      flag,
      'false',
      'Whether it is believed without a check of its certificate.',
      'true',
    ),
  },
  'a map with server_name',
)

export const keyKeys = {
  signing_key: optional(
    filledText('a signing key'),
    '`signing_key_path`',
    'The key itself, as it stands in such a file.',
    'ed25519 a_AbCd ciAgrZwSVV6AJuqTBDmdtfsFuvpHK3rDLyzZe+L4mRs',
  ),
  signing_key_path: optional(
    filledText('a path'),
    'the server name with `.signing.key`, beside the last file',
    'The file of the keys that the server signs with.',
    '/etc/synapse/example.org.signing.key',
  ),
  old_signing_keys: withDefault(
    record(keyId, oldKeySection, 'a map of keys'),
    '{}',
    'Keys that it signed with before; see below.',
    '{"ed25519:a_old": {key: XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI, expired_ts: 1623000000000}}',
  ),
  key_refresh_interval: ms(withDefault(duration, '1d', 'For how long other servers may keep the keys.', '2d')),
  trusted_key_servers: withDefault(
    listOf(keyServerSection, 'a list of maps with server_name'),
    '[{server_name: matrix.org}]',
    'Servers that are asked for the keys of others; see below.',
    '[]',
  ),
  suppress_key_server_warning: noEffect('matrix.org is no reason for a warning here', { example: 'true' }),
  key_server_signing_keys_path: notYet('keys of others are not signed with a key of their own', {
    example: '/etc/k.signing.key',
  }),
  perspectives: refused('deprecated: write trusted_key_servers', { example: '{servers: {matrix.org: {}}}' }),

  tls_certificate_path: optional(
    filledText('a path'),
    'none',
    'The certificate with its chain, for listeners with `tls: true`.',
    '/etc/ssl/example.org.pem',
  ),
  tls_private_key_path: optional(filledText('a path'), 'none', 'Its private key.', '/etc/ssl/example.org.key'),

  federation_domain_whitelist: optional(
    listOf(serverName, 'a list of server names'),
    'all',
    'The only servers that this one has to do with. An empty list: none.',
    '[example.com]',
  ),
  allow_profile_lookup_over_federation: withDefault(
    flag,
    'true',
    'Whether other servers may ask for profiles.',
    'false',
  ),
  allow_device_name_lookup_over_federation: withDefault(
    flag,
    'false',
    'Whether they learn what devices are called.',
    'true',
  ),
  federation: notYet('other servers are not asked', { example: '{client_timeout: 60s}' }),
  federation_verify_certificates: notYet('other servers are not asked', { example: 'false', harmless: 'on' }),
  federation_client_minimum_tls_version: notYet('other servers are not asked', { example: '"1.2"' }),
  federation_certificate_verification_whitelist: notYet('other servers are not asked', {
    example: '[lon.example.com]',
  }),
  federation_custom_ca_list: notYet('other servers are not asked', { example: '[/etc/ssl/ca.pem]' }),
  federation_whitelist_endpoint_enabled: notYet('the endpoint is not there'),
  federation_metrics_domains: notYet('other servers are not asked', { example: '[matrix.org]' }),
  federation_ip_range_blacklist: optional(
    listOf(addressRange, 'a list of addresses and ranges'),
    '`ip_range_blacklist`',
    'Of servers that clients name (identity servers), the addresses that are not asked.',
    '[10.0.0.0/8]',
  ),
  ip_range_blacklist: optional(
    listOf(addressRange, 'a list of addresses and ranges'),
    'private and reserved ranges',
    'Addresses that are not asked whoever wants it.',
    '[10.0.0.0/8]',
  ),
  ip_range_whitelist: withDefault(
    listOf(addressRange, 'a list of addresses and ranges'),
    '[]',
    'Addresses that are asked even so.',
    '[10.0.0.1]',
  ),
  http_proxy: notYet('no proxy is used', { example: 'http://proxy:8080' }),
  https_proxy: notYet('no proxy is used', { example: 'http://proxy:8080' }),
  no_proxy_hosts: noEffect('belongs to http_proxy', { example: '[example.org]', harmless: 'off' }),
  user_agent_suffix: notYet('other servers are not asked', { example: '(mine)' }),
  use_insecure_ssl_client_just_for_testing_do_not_use: notYet('certificates are always checked'),
}
