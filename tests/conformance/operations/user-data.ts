import { type Calls, e, V3 } from './world.ts'

/** What a user keeps: data, tags, filters, push rules, pushers, presence, a profile. */
export const userData: Calls = async ({ alice, bob, room, step }) => {
  const own = `${V3}/user/${e(alice.userId)}`
  const inRoom = `${own}/rooms/${e(room)}`
  await step('setAccountData', () => alice.ask('PUT', `${own}/account_data/m.test`, { a: 1 }))
  await step('getAccountData', () => alice.ask('GET', `${own}/account_data/m.test`))
  await step('setAccountDataPerRoom', () => alice.ask('PUT', `${inRoom}/account_data/m.test`, { b: 1 }))
  await step('getAccountDataPerRoom', () => alice.ask('GET', `${inRoom}/account_data/m.test`))
  await step('setRoomTag', () => alice.ask('PUT', `${inRoom}/tags/u.work`, { order: 0.5 }))
  await step('getRoomTags', () => alice.ask('GET', `${inRoom}/tags`))
  await step('deleteRoomTag', () => alice.ask('DELETE', `${inRoom}/tags/u.work`))
  const filter = await step('defineFilter', async () => {
    const wanted = { room: { timeline: { limit: 5 }, state: { lazy_load_members: true } }, event_fields: ['content'] }
    return (await alice.ask('POST', `${own}/filter`, wanted)).filter_id as string
  })
  await step('getFilter', () => alice.ask('GET', `${own}/filter/${filter}`))

  const rules = `${V3}/pushrules/`
  const rule = `${rules}global/room/${e(room)}`
  await step('getPushRules', () => alice.ask('GET', rules))
  await step('getPushRulesGlobal', () => alice.ask('GET', `${rules}global/`))
  await step('setPushRule', () => alice.ask('PUT', rule, { actions: ['notify'] }))
  await step('getPushRule', () => alice.ask('GET', rule))
  await step('setPushRuleEnabled', () => alice.ask('PUT', `${rule}/enabled`, { enabled: false }))
  await step('isPushRuleEnabled', () => alice.ask('GET', `${rule}/enabled`))
  await step('setPushRuleActions', () => alice.ask('PUT', `${rule}/actions`, { actions: [] }))
  await step('getPushRuleActions', () => alice.ask('GET', `${rule}/actions`))
  await step('deletePushRule', () => alice.ask('DELETE', rule))
  await step('postPusher', () =>
    alice.ask('POST', `${V3}/pushers/set`, {
      app_display_name: 'A client',
      app_id: 'test.client',
      data: { url: 'https://push.test/_matrix/push/v1/notify', format: 'event_id_only' },
      device_display_name: 'a phone',
      kind: 'http',
      lang: 'en',
      pushkey: 'key',
    }),
  )
  await step('getPushers', () => alice.ask('GET', `${V3}/pushers`))

  const presence = `${V3}/presence/${e(alice.userId)}/status`
  await step('setPresence', () => alice.ask('PUT', presence, { presence: 'online', status_msg: 'here' }))
  await step('getPresence', () => bob.ask('GET', presence))
  const profile = `${V3}/profile/${e(alice.userId)}`
  await step('setProfileField', () => alice.ask('PUT', `${profile}/displayname`, { displayname: 'Alice' }))
  await step('getProfileField', () => bob.ask('GET', `${profile}/displayname`))
  await step('getUserProfile', () => bob.ask('GET', profile))
  await step('deleteProfileField', async () => {
    await alice.ask('PUT', `${profile}/m.tz`, { 'm.tz': 'Europe/London' })
    return alice.ask('DELETE', `${profile}/m.tz`)
  })
}
