import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { watchFile } from '../../router/reload.ts'

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-reload-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Does each of `changes`, and expects to be told of it. */
const expectTold = async (t: TestContext, file: string, changes: readonly (() => void)[]) => {
  let told = () => {}
  t.after(watchFile(file, () => told()))
  for (const change of changes) {
    const tell = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not told of: ${change}`)), 5000)
      told = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    change()
    await tell
    // What else the change gives rise to must not be taken for the next.
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

const linkTo = (target: string, link: string) => {
  symlinkSync(target, `${link}.new`)
  renameSync(`${link}.new`, link)
}

test('a file that is written, replaced or away for a while', async (t) => {
  const file = join(folderOf(t), 'routes.yaml')
  writeFileSync(file, '1')
  await expectTold(t, file, [
    () => writeFileSync(file, '2'),
    () => {
      writeFileSync(`${file}.new`, '3')
      renameSync(`${file}.new`, file)
    },
    () => rmSync(file),
    () => writeFileSync(file, '4'),
  ])
})

test('a mounted ConfigMap of Kubernetes, which swaps a link to a folder', async (t) => {
  const folder = folderOf(t)
  const publish = (name: string) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'routes.yaml'), name)
    linkTo(name, join(folder, '..data'))
  }
  publish('..1')
  const file = join(folder, 'routes.yaml')
  symlinkSync('..data/routes.yaml', file)
  await expectTold(t, file, [() => publish('..2'), () => publish('..3')])
})

test('a link: what it stands for is edited, it is turned elsewhere, and that is edited', async (t) => {
  const [folder, elsewhere] = [folderOf(t), folderOf(t)]
  const [file, one, two] = [join(folder, 'routes.yaml'), join(elsewhere, 'one.yaml'), join(elsewhere, 'two.yaml')]
  writeFileSync(one, '1')
  writeFileSync(two, '2')
  symlinkSync(one, file)
  await expectTold(t, file, [() => writeFileSync(one, '3'), () => linkTo(two, file), () => writeFileSync(two, '4')])
})
