import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDataFolder } from '../../fleet/data-folder.ts'
import { makeSecrets } from '../../fleet/secrets.ts'

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'data-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'data')
}
const open = async (
  t: TestContext,
  path: string,
  serverName?: string,
  database: 'embedded' | 'external' = 'embedded',
) => {
  const data = await openDataFolder({ path, serverName, database })
  t.after(data.release)
  return data
}

test('a new folder is made, and found again under the name it was made for', async (t) => {
  const path = folderOf(t)
  const first = await open(t, path, 'example.org')
  assert.deepEqual([first.isNew, first.serverName], [true, 'example.org'])
  first.release()
  const second = await open(t, path)
  assert.deepEqual([second.isNew, second.serverName], [false, 'example.org'])
})

test('two starts on one folder: the second is refused', async (t) => {
  const path = folderOf(t)
  await open(t, path)
  await assert.rejects(open(t, path), /another npm start runs on the data folder/)
})

test('another server name, another kind of database, a newer release: refused, with what to do', async (t) => {
  const path = folderOf(t)
  const data = await open(t, path)
  data.release()
  await assert.rejects(open(t, path, 'example.org'), /is of the server localhost.*start without --server-name/)
  await assert.rejects(open(t, path, undefined, 'external'), /has a database of its own: start without --postgres/)
  const facts = join(path, 'plexus.json')
  writeFileSync(facts, JSON.stringify({ ...JSON.parse(readFileSync(facts, 'utf8')), format: 2 }))
  await assert.rejects(open(t, path), /was made by a newer release \(format 2; this one knows 1\): update Plexus/)
})

test('a path too long for sockets: they are elsewhere, and the lock holds there too', async (t) => {
  const path = join(folderOf(t), 'x'.repeat(100))
  const data = await open(t, path)
  t.after(() => rmSync(data.sockets, { recursive: true, force: true }))
  assert.ok(!data.sockets.startsWith(path))
  await assert.rejects(open(t, path), /another npm start/)
})

test('secrets are made once, and only their owner reads them', (t) => {
  const folder = folderOf(t)
  const { registration } = makeSecrets(folder)
  const text = readFileSync(registration, 'utf8')
  assert.match(text, /^[\w-]{43}\n$/)
  assert.equal(statSync(registration).mode & 0o777, 0o600)
  makeSecrets(folder)
  assert.equal(readFileSync(registration, 'utf8'), text)
})
