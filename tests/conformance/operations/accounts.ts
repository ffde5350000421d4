import { ask, logIn, register, type User } from '../../harness/matrix-client.ts'
import { type Calls, e, V1, V3 } from './world.ts'

const LOGIN_URL = '?redirectUrl=https%3A%2F%2Fclient.test%2F'
const NEW_PASSWORD = 'another password'

const passwordOf = ({ userId, password }: User, session?: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: userId },
  password,
  ...(session !== undefined && { session }),
})

/** A request that wants the user's password first: asked without, and then with it. */
export const withPassword = async (user: User, method: string, path: string, body: object = {}): Promise<unknown> => {
  const first = await user.tryTo(method, path, body)
  if (first.status === 200) return first.body
  const auth = passwordOf(user, first.body.session)
  return user.ask(method, path, { ...body, auth })
}

/** Registration, log-in and its end, the account and its addresses. */
export const accounts: Calls = async ({ url, alice, admin, bridge, mail, step }) => {
  const must = async (method: string, path: string, body?: object) => {
    const answer = await ask(url, method, path, { body })
    if (answer.status >= 400) throw Object.assign(new Error(JSON.stringify(answer.body)), answer.body, answer)
    return answer.body
  }
  const addressed = (email: string) => ({ client_secret: `secret_${email.length}`, send_attempt: 1, email })
  const telephone = { client_secret: 'secret', send_attempt: 1, country: 'GB', phone_number: '7700900001' }

  await step('getVersions', () => must('GET', '/_matrix/client/versions'))
  await step('getWellknown', () => must('GET', '/.well-known/matrix/client'))
  await step('getWellknownSupport', () => must('GET', '/.well-known/matrix/support'))
  await step('getWellknownPolicy', () => must('GET', '/.well-known/matrix/policy_server'))
  await step('getAuthMetadata', () => must('GET', `${V1}/auth_metadata`))
  await step('getCapabilities', () => alice.ask('GET', `${V3}/capabilities`))
  await step('checkUsernameAvailability', () => must('GET', `${V3}/register/available?username=someone_new`))
  await step('registrationTokenValidity', () =>
    must('GET', `${V1}/register/m.login.registration_token/validity?token=none`),
  )
  const carol = await step('register', () => register(url, 'carol'))
  if (carol === undefined) return
  await step('requestTokenToRegisterEmail', () =>
    must('POST', `${V3}/register/email/requestToken`, addressed('new@mail.test')),
  )
  await step('requestTokenToRegisterMSISDN', () => must('POST', `${V3}/register/msisdn/requestToken`, telephone))
  await step('getLoginFlows', () => must('GET', `${V3}/login`))
  await step('login', () => logIn(url, carol.userId, carol.password))
  await step('redirectToSSO', () => must('GET', `${V3}/login/sso/redirect${LOGIN_URL}`))
  await step('redirectToIdP', () => must('GET', `${V3}/login/sso/redirect/cas${LOGIN_URL}`))
  await step('generateLoginToken', async () => {
    const { login_token: token } = (await withPassword(carol, 'POST', `${V1}/login/get_token`)) as {
      login_token: string
    }
    return must('POST', `${V3}/login`, { type: 'm.login.token', token })
  })
  await step('refresh', async () => {
    const { refresh_token } = await must('POST', `${V3}/login`, { ...passwordOf(carol), refresh_token: true })
    return must('POST', `${V3}/refresh`, { refresh_token })
  })
  await step('getTokenOwner', () => carol.ask('GET', `${V3}/account/whoami`))
  await step('requestOpenIdToken', () => carol.ask('POST', `${V3}/user/${e(carol.userId)}/openid/request_token`, {}))
  await step('logout', async () => (await carol.login()).ask('POST', `${V3}/logout`, {}))
  await step('logout_all', async () => {
    await (await carol.login()).ask('POST', `${V3}/logout/all`, {})
  })

  const dora = await register(url, 'dora')
  await step('getAccount3PIDs', () => dora.ask('GET', `${V3}/account/3pid`))
  const address = 'dora@mail.test'
  /** Asks for the mail, opens its link, and resolves to what proves that. */
  const validated = async (email: string) => {
    const { sid } = await dora.ask('POST', `${V3}/account/3pid/email/requestToken`, addressed(email))
    const { pathname, search } = new URL(linkIn((await mail.next(email)).text))
    await fetch(`${url}${pathname}${search}`)
    return { sid, client_secret: addressed(email).client_secret }
  }
  const proof = await step('requestTokenTo3PIDEmail', () => validated(address))
  await step('add3PID', () => withPassword(dora, 'POST', `${V3}/account/3pid/add`, proof ?? {}))
  await step('post3PIDs', async () => {
    const { client_secret, sid } = await validated('dora.of.old@mail.test')
    return dora.ask('POST', `${V3}/account/3pid`, { three_pid_creds: { ...NO_CREDENTIALS, client_secret, sid } })
  })
  await step('requestTokenTo3PIDMSISDN', () => dora.ask('POST', `${V3}/account/3pid/msisdn/requestToken`, telephone))
  await step('bind3PID', () => dora.ask('POST', `${V3}/account/3pid/bind`, NO_CREDENTIALS))
  await step('requestTokenToResetPasswordEmail', () =>
    must('POST', `${V3}/account/password/email/requestToken`, addressed(address)),
  )
  await step('requestTokenToResetPasswordMSISDN', () =>
    must('POST', `${V3}/account/password/msisdn/requestToken`, telephone),
  )
  await step('unbind3pidFromAccount', () =>
    dora.ask('POST', `${V3}/account/3pid/unbind`, { medium: 'email', address: 'nobody@mail.test' }),
  )
  await step('delete3pidFromAccount', () => dora.ask('POST', `${V3}/account/3pid/delete`, { medium: 'email', address }))
  await step('changePassword', async () => {
    await withPassword(dora, 'POST', `${V3}/account/password`, { new_password: NEW_PASSWORD, logout_devices: false })
    await logIn(url, dora.userId, NEW_PASSWORD)
  })
  await step('deactivateAccount', async () => {
    const eve = await register(url, 'eve')
    await withPassword(eve, 'POST', `${V3}/account/deactivate`, { erase: true })
  })

  await step('getWhoIs', () => admin.ask('GET', `${V3}/admin/whois/${e(alice.userId)}`))
  const judged = `/${e(dora.userId)}`
  for (const what of ['suspend', 'lock'] as const) {
    const [get, set] =
      what === 'suspend' ? ['getAdminSuspendUser', 'setAdminSuspendUser'] : ['getAdminLockUser', 'setAdminLockUser']
    const done = what === 'suspend' ? 'suspended' : 'locked'
    await step(set!, () => admin.ask('PUT', `${V1}/admin/${what}${judged}`, { [done]: true }))
    await step(get!, () => admin.ask('GET', `${V1}/admin/${what}${judged}`))
  }
  await step('pingAppservice', () => bridge.ask('POST', `${V1}/appservice/bridge/ping`, {}))
}

const NO_CREDENTIALS = {
  id_server: 'identity.test',
  id_access_token: 'token',
  sid: 'none',
  client_secret: 'secret',
}

const linkIn = (text: string): string => {
  const link = /https?:\/\/\S+submit_token\S+/.exec(text)?.[0]
  if (link === undefined) throw new Error(`no link in: ${text}`)
  return link
}
