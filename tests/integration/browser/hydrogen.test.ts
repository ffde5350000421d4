/** A real web client in a real browser, through the router: logs in, sees rooms, sends, receives, encrypts. */

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chromium, type Page } from 'playwright-core'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { programPath } from '../../servers.ts'
import { serveHydrogen } from './hydrogen-page.ts'

const program = programPath('chromium')
const PATIENCE_MS = 60_000
const COMPOSER = '.MessageComposer_input textarea'

/** What a user sees, for those who want to look at it: `SCREENSHOTS=folder`. */
const picture = async (page: Page, name: string): Promise<void> => {
  const folder = process.env.SCREENSHOTS
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

const logIn = async (page: Page, url: string, { userId, password }: User): Promise<void> => {
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(url)
  await page.fill('#username', userId)
  await page.fill('#password', password)
  await page.click('text=Log In')
  await page.waitForSelector('.LeftPanel')
}

const open = (page: Page, room: string): Promise<void> => page.click(`.RoomList >> text=${room}`)

const accept = async (page: Page, room: string): Promise<void> => {
  await open(page, room)
  await page.click('text=Accept')
  await page.waitForSelector('.Timeline')
}

const say = async (page: Page, body: string): Promise<void> => {
  await page.fill(COMPOSER, body)
  await page.press(COMPOSER, 'Enter')
}

const hears = (page: Page, body: string): Promise<void> => page.locator('.Timeline').getByText(body).waitFor()

test('Hydrogen in Chromium', { skip: program === undefined && 'chromium is not installed' }, async (t) => {
  const postgres = await startPostgres()
  const hs = await homeserver(t, postgres, { workers: ['client', 'sync', 'sync', 'persister', 'persister'] })
  const [alice, bob] = await hs.register('alice', 'bob')
  const page = `${await serveHydrogen(t)}?homeserver=${encodeURIComponent(hs.url)}`
  const browser = await chromium.launch({ executablePath: program!, args: ['--no-sandbox'] })
  t.after(() => browser.close())
  const problems: string[] = []
  /** A browser of their own, in which nothing is kept from others. */
  const pageOf = async (user: User): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1100, height: 700 } })
    const opened = await context.newPage()
    opened.on('pageerror', ({ message }) => problems.push(message))
    opened.on('response', (response) => {
      if (response.status() >= 500) problems.push(`${response.status()} ${response.url()}`)
    })
    await logIn(opened, page, user)
    return opened
  }
  const bobs = await pageOf(bob)

  await t.test('an invitation arrives, is accepted, and both are heard', async () => {
    const room = await alice.createRoom({ name: 'Tea at five' })
    await alice.send(room, 'Is anybody there?')
    await alice.ask('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/invite`, { user_id: bob.userId })
    await accept(bobs, 'Tea at five')
    await hears(bobs, 'Is anybody there?')

    const since = await alice.since()
    await say(bobs, 'Here I am')
    const heard = await alice.syncUntil(since, ({ rooms }) =>
      Boolean(rooms?.join?.[room]?.timeline.events.some(({ content }) => content.body === 'Here I am')),
    )
    assert.equal(heard.rooms!.join![room]!.timeline.events.at(-1)!.sender, bob.userId)

    await alice.send(room, 'So are the biscuits')
    await hears(bobs, 'So are the biscuits')
    await hears(bobs, 'Here I am')
    await picture(bobs, 'talk')
  })

  await t.test('what is encrypted in one browser is read in another', async () => {
    const alices = await pageOf(alice)
    const room = await alice.createRoom({
      name: 'Behind the curtain',
      initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
      invite: [bob.userId],
    })
    await accept(bobs, 'Behind the curtain')
    await open(alices, 'Behind the curtain')
    const since = await bob.since()
    await say(alices, 'Nobody else reads this')
    const seen = await bob.syncUntil(since, ({ rooms }) => rooms?.join?.[room] !== undefined)
    await hears(bobs, 'Nobody else reads this')
    await say(bobs, 'Nor this')
    await hears(alices, 'Nor this')
    await picture(alices, 'encrypted')
    const [sent] = seen.rooms!.join![room]!.timeline.events.slice(-1)
    assert.deepEqual([sent!.type, sent!.content.body], ['m.room.encrypted', undefined])
    await alices.context().close()
  })

  await bobs.context().close()
  assert.deepEqual(problems, [])
})
