/**
 * The state resolution fixtures of the Rust project ruma, which are part of its published package: scenarios as JSON, and
 * what it resolves them to. They are read from cargo's cache, or fetched by cargo, and are no part of this repository.
 */

import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const VERSION = '0.18.0'
const cache = new URL('../../../../node_modules/.cache/ruma-state-res/', import.meta.url).pathname
const FETCH_TIMEOUT_MS = 60_000

/** Path in the package → content, undefined where cargo neither has the package nor can fetch it. */
export function readRumaCrate(): ReadonlyMap<string, string> | undefined {
  const file = findCrate() ?? fetchCrate()
  return file === undefined ? undefined : untar(gunzipSync(readFileSync(file)))
}

const findCrate = (): string | undefined =>
  [process.env.CARGO_HOME ?? join(homedir(), '.cargo'), join(cache, 'cargo')]
    .flatMap((home) => globSync(join(home, 'registry/cache/*', `ruma-state-res-${VERSION}.crate`)))
    .at(0)

function fetchCrate(): string | undefined {
  if (spawnSync('cargo', ['--version']).status !== 0) return undefined
  mkdirSync(join(cache, 'src'), { recursive: true })
  const manifest = join(cache, 'Cargo.toml')
  writeFileSync(
    manifest,
    `[package]\nname = "fixtures"\nversion = "0.0.0"\n[dependencies]\nruma-state-res = "=${VERSION}"\n`,
  )
  writeFileSync(join(cache, 'src/lib.rs'), '')
  spawnSync('cargo', ['fetch', '--manifest-path', manifest], {
    // Without a network it should say so soon.
    env: { ...process.env, CARGO_HOME: join(cache, 'cargo'), CARGO_NET_RETRY: '0' },
    timeout: FETCH_TIMEOUT_MS,
  })
  return findCrate()
}

/** The files of a tar archive, without the folder that a package's files are in. */
function untar(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>()
  const text = (from: number, length: number) => archive.toString('utf8', from, from + length).replace(/\0.*$/s, '')
  let longName: string | undefined
  for (let at = 0; at + 512 <= archive.length; ) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0
    const content = archive.toString('utf8', at + 512, at + 512 + size)
    const isLongName = text(at + 156, 1) === 'L'
    const name = longName ?? text(at, 100)
    // GNU's way to write a path of over 100 bytes: as the content of an entry before it.
    longName = isLongName ? content.replace(/\0.*$/s, '') : undefined
    if (!isLongName) files.set(name.slice(name.indexOf('/') + 1), content)
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
