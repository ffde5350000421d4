/** Everything that can be tried with `m.room.member`, with and without a right to it. */

import type { ServerName, UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject, JsonValue } from '../../../shared/matrix/json/value.ts'
import { publicKeyOf } from '../../../shared/matrix/signing/ed25519.ts'
import { signJson } from '../../../shared/matrix/signing/sign.ts'
import type { Draft } from './room.ts'
import type { View } from './view.ts'
import { world } from './world.ts'

const member = (sender: UserId, target: UserId, content: JsonObject): Draft => ({
  type: 'm.room.member',
  stateKey: target,
  sender,
  content,
})

export const join = (view: View): Draft => {
  const user = view.random.oneIn(3)
    ? view.anyone()
    : view.random.oneIn(6)
      ? view.someone('ban')
      : view.someone('invite', 'leave', 'undefined', 'knock')
  return member(user, user, { membership: 'join' })
}

/** A join that another server's user vouches for. */
export const restrictedJoin = (view: View): Draft => {
  const { random } = view
  const user = random.oneIn(3) ? view.anyone() : view.someone('leave', 'undefined', 'knock')
  const voucher: JsonValue = view.oddly(6)
    ? random.pick<JsonValue>(['', 'nobody', '@x', 5, null, '@gone:a.test'])
    : random.oneIn(4)
      ? view.anyone()
      : view.someone('join')
  return member(user, user, { membership: 'join', join_authorised_via_users_server: voucher })
}

export const leave = (view: View): Draft => {
  const user = view.random.oneIn(4) ? view.anyone() : view.someone('join', 'invite', 'knock')
  return member(user, user, { membership: 'leave' })
}

export const invite = (view: View): Draft =>
  member(view.sender(), view.random.oneIn(3) ? view.anyone() : view.someone('leave', 'undefined'), {
    membership: 'invite',
  })

export const kick = (view: View): Draft =>
  member(view.sender(), view.random.oneIn(4) ? view.anyone() : view.someone('join', 'invite'), { membership: 'leave' })

export const ban = (view: View): Draft => member(view.admin(), view.anyone(), { membership: 'ban' })

export const unban = (view: View): Draft => member(view.sender(), view.someone('ban'), { membership: 'leave' })

export const knock = (view: View): Draft => {
  const user = view.random.oneIn(2) ? view.someone('join', 'invite', 'ban') : view.someone('leave', 'undefined')
  return member(view.random.oneIn(4) ? view.anyone() : user, user, { membership: 'knock' })
}

export const malformed = (view: View): Draft => {
  const { random } = view
  const user = view.anyone()
  const draft = member(
    view.sender(),
    user,
    view.oddly(1)
      ? random.pick<JsonObject>([
          {},
          { membership: 'foo' },
          { membership: 5 },
          { membership: null },
          { membership: ['join'] },
        ])
      : { membership: 'foo' },
  )
  if (random.oneIn(2)) return draft
  // For another, or for nobody: the state key and the sender differ, or there is no state key.
  const content: JsonObject = { membership: random.pick(['join', 'leave', 'knock', 'invite', 'ban']) }
  if (view.oddly(3)) return { type: 'm.room.member', sender: view.sender(), content }
  return { ...draft, stateKey: view.oddly(3) ? random.pick(['', 'alice', '@', '@x']) : user, content }
}

const TOKENS = ['t1', 't2']

export const thirdPartyInvite = (view: View): Draft => {
  const { random } = view
  const key = random.oneIn(4) ? world.identity.other : world.identity.key
  const publicKey = publicKeyOf(key.verifyKey)
  const otherKey = publicKeyOf(world.identity.other.verifyKey)
  const content = random.pick<JsonObject>([
    { display_name: 'someone', key_validity_url: 'https://id.test/valid', public_key: publicKey },
    { display_name: 'someone', public_keys: [{ public_key: publicKey }] },
    {
      display_name: 'someone',
      public_key: otherKey,
      public_keys: [{ public_key: publicKey }],
    },
    ...(view.oddly(1)
      ? [{ display_name: 'someone' }, { display_name: 'someone', public_keys: 'none', public_key: publicKey }]
      : []),
  ])
  return { type: 'm.room.third_party_invite', stateKey: random.pick(TOKENS), sender: view.sender(), content }
}

/** An invite that answers a third-party invite: most often by who sent that, for whom it was signed. */
export const inviteByThirdParty = (view: View): Draft => {
  const { random } = view
  const sent = TOKENS.filter((token) => view.state('m.room.third_party_invite', token) !== undefined)
  const token = random.oneIn(5) || sent.length === 0 ? random.pick(TOKENS) : random.pick(sent)
  const inviter = view.state('m.room.third_party_invite', token)?.sender
  const target = random.oneIn(3)
    ? view.anyone()
    : random.oneIn(3)
      ? view.someone('ban')
      : view.someone('leave', 'undefined')
  const signed = signJson({ mxid: random.oneIn(8) ? view.anyone() : target, token }, 'id.test', world.identity.key)
  const thirdParty: JsonValue = view.oddly(3)
    ? random.pick<JsonValue>([
        null,
        'x',
        {},
        { signed: null },
        { signed: {} },
        { signed: { mxid: target } },
        { signed: { token } },
        { signed: { mxid: target, token } },
        { signed: { mxid: target, token, signatures: 'none' } },
        { signed: { mxid: target, token, signatures: { 'id.test': { 'ed25519:0': 'AAAA' } } } },
        { signed: { ...signed, token: 't3' } },
      ])
    : { display_name: 'someone', signed }
  const sender = inviter !== undefined && !random.oneIn(3) ? inviter : view.sender()
  return member(sender, target, { membership: 'invite', third_party_invite: thirdParty })
}

/** Who should have signed besides the sender's server: the one that vouches for a restricted join. */
export const voucherOf = ({ content }: Draft): ServerName | undefined => {
  const user = content.join_authorised_via_users_server
  return world.servers.find((server) => typeof user === 'string' && user.endsWith(`:${server}`))
}
