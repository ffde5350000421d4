import { anonymous, type Device, makeDevice } from '../session.ts'
import { genericWorkers, pathOf, servedOnlyBy, type Users, type World } from '../world.ts'

const PASSWORD = 'correct horse battery staple'

export const accounts = async (world: World): Promise<Users | undefined> => {
  const { report, traffic, topology } = world
  let users: Users | undefined

  const register = async (username: string): Promise<Device> => {
    const answer = await anonymous(traffic).registerRequest({
      username,
      password: PASSWORD,
      auth: { type: 'm.login.dummy' },
      refresh_token: false,
    })
    return makeDevice(traffic, {
      user_id: answer.user_id,
      device_id: answer.device_id!,
      access_token: answer.access_token!,
    })
  }

  await report.group('versions, login flows and CORS preflight', async (t) => {
    const versions = await anonymous(traffic).getVersions()
    t.ok(versions.versions.includes('v1.11'), 'spec v1.11 is among the versions')
    const { flows } = await anonymous(traffic).loginFlows()
    t.ok(
      flows.some(({ type }) => type === 'm.login.password'),
      'password login is offered',
    )
    for (const path of [
      '/_matrix/client/v3/sync',
      '/_matrix/client/v3/rooms/!x/send/m.room.message/1',
      '/_matrix/client/v3/logout',
    ]) {
      const preflight = await traffic.ask('OPTIONS', path, {
        headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
      })
      t.equal(preflight.status, 204, `OPTIONS ${path}`)
      t.equal(preflight.headers.get('access-control-allow-origin'), '*', `OPTIONS ${path}: access-control-allow-origin`)
    }
    await servedOnlyBy(
      t,
      world,
      'GET versions',
      genericWorkers(world),
      (sent) => pathOf(sent) === '/_matrix/client/versions',
    )
  })

  await report.group('register two users, log in on a second device', async (t) => {
    t.ok(await anonymous(traffic).isUsernameAvailable('alice'), 'the name alice is free')
    const alice = await register('alice')
    const bob = await register('bob')
    t.equal(alice.userId, `@alice:${topology.serverName}`, "alice's ID")
    t.ok(
      !(await anonymous(traffic)
        .isUsernameAvailable('alice')
        .catch(() => false)),
      'the name alice is taken now',
    )
    const login = await anonymous(traffic).loginRequest({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: PASSWORD,
      initial_device_display_name: 'tablet',
    })
    const tablet = makeDevice(traffic, login)
    t.ok(tablet.deviceId !== alice.deviceId, 'the second device has an ID of its own')
    users = { alice, tablet, bob, password: PASSWORD }
    for (const device of [alice, tablet, bob]) {
      const who = await device.client.whoami()
      t.equal([who.user_id, who.device_id], [device.userId, device.deviceId], 'whoami')
    }
    await servedOnlyBy(
      t,
      world,
      'register and login',
      genericWorkers(world),
      (sent) => sent.method === 'POST' && /\/(register|login)$/.test(pathOf(sent)),
    )
  })

  if (!users) return undefined
  const { alice, tablet, bob } = users

  await report.group('two devices of alice and one of bob sync', async (t) => {
    for (const { client } of [alice, tablet, bob])
      await client.startClient({ initialSyncLimit: 20, pollTimeout: 20_000, threadSupport: true })
    for (const { client, deviceId } of [alice, tablet, bob])
      await t.until(`${deviceId} has synced`, () => client.isInitialSyncComplete())
  })

  await report.group('devices: list, name, look at', async (t) => {
    const { devices } = await alice.client.getDevices()
    t.equal(
      devices.map((device) => device.device_id).sort(),
      [alice.deviceId, tablet.deviceId].sort(),
      "alice's devices",
    )
    await alice.client.setDeviceDetails(tablet.deviceId, { display_name: 'kitchen tablet' })
    t.equal((await alice.client.getDevice(tablet.deviceId)).display_name, 'kitchen tablet', 'the new name')
  })

  await report.group('profile', async (t) => {
    await bob.client.setDisplayName('Bob B.')
    await bob.client.setAvatarUrl('mxc://example.org/bob')
    const profile = await alice.client.getProfileInfo(bob.userId)
    t.equal(
      [profile.displayname, profile.avatar_url],
      ['Bob B.', 'mxc://example.org/bob'],
      "bob's profile as alice sees it",
    )
  })

  await report.group('capabilities, TURN, third-party protocols, OpenID token', async (t) => {
    t.ok((await alice.client.fetchCapabilities())['m.room_versions'], 'capabilities name the room versions')
    t.equal(
      (await traffic.ask('GET', '/_matrix/client/v3/voip/turnServer', { token: alice.token })).status,
      200,
      'GET turnServer',
    )
    t.equal(
      (await traffic.ask('GET', '/_matrix/client/v3/thirdparty/protocols', { token: alice.token })).json,
      {},
      'GET thirdparty/protocols',
    )
    const openid = await alice.client.getOpenIdToken()
    const info = await traffic.ask('GET', `/_matrix/federation/v1/openid/userinfo?access_token=${openid.access_token}`)
    t.equal(info.json?.sub, alice.userId, "whom the token proves, by federation's userinfo")
  })

  await report.group('requests without and with a bad token are refused by a worker, in Matrix JSON', async (t) => {
    const missing = await traffic.ask('GET', '/_matrix/client/v3/account/whoami')
    t.equal([missing.status, missing.json?.errcode], [401, 'M_MISSING_TOKEN'], 'whoami without a token')
    const bad = await traffic.ask('GET', '/_matrix/client/v3/sync', { token: 'syt_YWxpY2U_nonsense_0' })
    t.equal([bad.status, bad.json?.errcode], [401, 'M_UNKNOWN_TOKEN'], 'sync with a bad token')
    const unknown = await traffic.ask('GET', '/_matrix/client/v3/no/such/thing', { token: alice.token })
    t.equal([unknown.status, unknown.json?.errcode], [404, 'M_UNRECOGNIZED'], 'a path that does not exist')
    const method = await traffic.ask('PATCH', '/_matrix/client/v3/account/whoami', { token: alice.token })
    t.equal([method.status, method.json?.errcode], [405, 'M_UNRECOGNIZED'], 'a method that does not exist')
  })

  return users
}

/** Checks that end sessions: last, as nothing works with these tokens afterwards. */
export const farewell = async (world: World, { alice, tablet, bob, password }: Users): Promise<void> => {
  const { report, traffic } = world
  const loginAs = async (user: string, pass = password) => {
    const answer = await traffic.ask('POST', '/_matrix/client/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: pass, refresh_token: true },
    })
    return { status: answer.status, json: answer.json, token: answer.json?.access_token as string }
  }
  const status = async (token: string) =>
    (await traffic.ask('GET', '/_matrix/client/v3/account/whoami', { token })).status

  await report.group('refresh tokens', async (t) => {
    const { json, token } = await loginAs('bob')
    t.ok(json.refresh_token, 'login gives a refresh token')
    const refreshed = await anonymous(traffic).refreshToken(json.refresh_token)
    t.ok(refreshed.access_token !== token, 'the refreshed token is another one')
    t.equal(await status(refreshed.access_token), 200, 'whoami with the refreshed token')
    // The replaced access token lives on until it expires; the refresh token dies with the first use of the new pair.
    const again = await traffic.ask('POST', '/_matrix/client/v3/refresh', {
      body: { refresh_token: json.refresh_token },
    })
    t.equal([again.status, again.json?.errcode], [403, 'M_FORBIDDEN'], 'the refresh token, used again')
    await servedOnlyBy(t, world, 'POST refresh', ['main'], (sent) => pathOf(sent).endsWith('/refresh'))
  })

  await report.group('change of password', async (t) => {
    const { token } = await loginAs('bob')
    const answer = await traffic.ask('POST', '/_matrix/client/v3/account/password', {
      token,
      body: {
        auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bob' }, password },
        new_password: `${password}!`,
        logout_devices: false,
      },
    })
    t.equal(answer.status, 200, 'POST account/password')
    t.equal((await loginAs('bob')).status, 403, 'login with the old password')
    t.equal((await loginAs('bob', `${password}!`)).status, 200, 'login with the new password')
  })

  await report.group('log out: one device, by deletion, all', async (t) => {
    tablet.client.stopClient()
    await traffic.ask('POST', '/_matrix/client/v3/logout', { token: tablet.token })
    await t.until(
      'the token of the logged out device is refused on every worker',
      async () => (await status(tablet.token)) === 401,
    )
    t.equal(await status(alice.token), 200, "alice's other device is still logged in")
    const other = await loginAs('alice')
    const deletion = { auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password } }
    await alice.client.deleteMultipleDevices([other.json.device_id], deletion.auth)
    await t.until('the token of the deleted device is refused', async () => (await status(other.token)) === 401)
    bob.client.stopClient()
    t.equal(
      (await traffic.ask('POST', '/_matrix/client/v3/logout/all', { token: bob.token })).status,
      200,
      'POST logout/all',
    )
    await t.until("bob's token is refused", async () => (await status(bob.token)) === 401)
    const main = (sent: { target: string }) => /\/logout(\/all)?$/.test(sent.target)
    await servedOnlyBy(t, world, 'logout', ['main'], (sent) => sent.method === 'POST' && main(sent))
    await servedOnlyBy(t, world, 'delete_devices', ['device_lists1'], (sent) =>
      pathOf(sent).endsWith('/delete_devices'),
    )
  })

  await report.group('deactivate an account', async (t) => {
    alice.client.stopClient()
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }
    const answer = await traffic.ask('POST', '/_matrix/client/v3/account/deactivate', {
      token: alice.token,
      body: { auth },
    })
    t.equal(answer.status, 200, 'POST account/deactivate')
    t.equal((await loginAs('alice')).status, 403, 'login afterwards')
  })
}
