import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const skip = existsSync(join(root, 'router/main.ts')) ? false : 'there is no router/main.ts'

const USES = `import { type TableEntry, table } from 'plexus/endpoints'
import { canonicalJson } from 'plexus/matrix/json/canonical'
import { roomVersions } from 'plexus/matrix/room-version'
const typing: TableEntry | undefined = table.find(({ name }) => name === 'setTyping')
const method: 'PUT' | 'GET' | 'POST' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS' = typing!.endpoint.method
console.log(method, typing!.endpoint.path, JSON.stringify(typing!.endpoint.served))
console.log(canonicalJson({ b: roomVersions[12].stateResolution, a: 1 }))
`

test('the packed package runs from node_modules, as plain JavaScript', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-package-'))
  t.after(() => rmSync(folder, { recursive: true }))
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, stdio: 'pipe' })
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'))
  assert.ok(tarball)

  // Installed as npm would, but without a registry: the dependencies are this checkout's.
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'plexus'), { recursive: true })
  execFileSync('tar', ['xzf', join(folder, tarball), '--strip-components=1', '-C', join(modules, 'plexus')])
  for (const name of readdirSync(join(root, 'node_modules')).filter((name) => !name.startsWith('.')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name))

  const files = readdirSync(join(modules, 'plexus'), { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    files.filter((file) => /(?<!\.d)\.ts$/.test(file) || file.startsWith('tests')),
    [],
    'no sources, no tests',
  )
  for (const program of ['router', 'worker']) {
    const launcher = join(modules, `plexus/bin/${program}.js`)
    const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, '--help'], {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    assert.match(stdout, new RegExp(`^Usage: ${program} `))
  }
  assert.ok(files.includes('dist/worker/storage/migrations/0001_accounts.sql'), 'what is no TypeScript comes along too')

  // The endpoint table and the protocol core are for others too, with their types.
  const module = join(folder, 'uses.ts')
  writeFileSync(module, USES)
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const compiled = spawnSync(process.execPath, [compiler, '--module', 'nodenext', '--strict', '--noEmit', module], {
    cwd: folder,
    encoding: 'utf8',
  })
  assert.equal(compiled.stdout, '')
  const ran = spawnSync(process.execPath, [module], { cwd: folder, encoding: 'utf8' })
  assert.equal(
    ran.stdout,
    'PUT /rooms/{roomId}/typing/{userId} {"writer":"typing","hard":true}\n{"a":1,"b":"2.1"}\n',
    ran.stderr,
  )
})
