/** The web client Hydrogen, served to a browser from its package: a page of the tests' own around its views. */

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../../..')
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
}

const SDK = join(root, 'node_modules/hydrogen-view-sdk')
/** Of the page: which files of the packages it finds there. */
const FOLDERS: Readonly<Record<string, string>> = {
  assets: join(SDK, 'asset-build/assets'),
  olm: join(root, 'node_modules/@matrix-org/olm'),
  // The service worker has to lie above all that it serves.
  '': join(SDK, 'lib-build'),
}

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Hydrogen</title>
    <link rel="stylesheet" href="assets/theme-element-light.css">
    <style>html, body, #app { height: 100% } body { margin: 0 }</style>
  </head>
  <body id="app" class="hydrogen"><script type="module" src="app.js"></script></body>
</html>`

/** Its address, until the test ends. */
export async function serveHydrogen(t: TestContext): Promise<string> {
  const bundled = await build({
    entryPoints: [join(import.meta.dirname, 'app.js')],
    bundle: true,
    format: 'esm',
    write: false,
    // The package was built for Vite, which puts these in.
    define: { 'import.meta.env': '{}', global: 'globalThis' },
    external: ['fs', 'path', 'crypto'],
    logLevel: 'silent',
  })
  const script = bundled.outputFiles[0]!.contents
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://page')
    const reply = (type: string, body: string | Uint8Array) => response.setHeader('content-type', type).end(body)
    if (pathname === '/') return reply(TYPES['.html']!, PAGE)
    if (pathname === '/app.js') return reply(TYPES['.js']!, script)
    const [, folder, name] = /^\/(assets|olm|)\/?([\w.-]+)$/.exec(pathname) ?? []
    try {
      reply(TYPES[extname(name!)] ?? 'application/octet-stream', await readFile(join(FOLDERS[folder!]!, name!)))
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
