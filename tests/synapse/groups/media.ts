import { deflateSync } from 'node:zlib'
import { servedOnlyBy, type Users, type World } from '../world.ts'

/** A PNG of `size` by `size` grey pixels that do not compress well. */
export const png = (size: number): Uint8Array => {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    let crc = 0xffffffff
    for (const byte of body) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    }
    const framed = Buffer.alloc(body.length + 8)
    framed.writeUInt32BE(data.length, 0)
    body.copy(framed, 4)
    framed.writeUInt32BE((crc ^ 0xffffffff) >>> 0, body.length + 4)
    return framed
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  header.writeUInt8(8, 8) // bits a pixel; colour type 0: grey
  const rows = Buffer.alloc(size * (size + 1))
  let state = 1
  for (let i = 0; i < rows.length; i++) {
    state = (state * 48_271) % 0x7fffffff
    rows[i] = i % (size + 1) === 0 ? 0 : state & 0xff
  }
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

export const media = async (world: World, { alice, bob }: Users): Promise<void> => {
  const { report, traffic, topology } = world
  const from = traffic.sent.length

  await report.group('media: upload, download, thumbnail', async (t) => {
    t.ok((await alice.client.getMediaConfig(true))['m.upload.size'], 'the limit of an upload')
    const image = png(800)
    const { content_uri } = await alice.client.uploadContent(new Blob([image as Uint8Array<ArrayBuffer>]) as never, {
      name: 'grey scale ä.png',
      type: 'image/png',
    })
    const id = content_uri.slice(`mxc://${topology.serverName}/`.length)
    const get = (path: string, token?: string) => {
      const url = new URL(path, traffic.url)
      return traffic.fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
    }
    const download = await get(`/_matrix/client/v1/media/download/${topology.serverName}/${id}`, bob.token)
    t.equal(download.status, 200, 'GET download')
    t.ok(
      Buffer.from(await download.arrayBuffer()).equals(Buffer.from(image)),
      'what comes back is what was sent, byte for byte',
    )
    t.ok(
      download.headers.get('content-disposition')?.includes(encodeURIComponent('ä')),
      `the file name (${download.headers.get('content-disposition')})`,
    )
    t.equal(
      (await get(`/_matrix/client/v1/media/download/${topology.serverName}/${id}`)).status,
      401,
      'GET download without a token',
    )
    const named = await get(`/_matrix/client/v1/media/download/${topology.serverName}/${id}/other.png`, bob.token)
    t.ok(named.headers.get('content-disposition')?.includes('other.png'), 'the file name asked for')
    await named.arrayBuffer()
    const thumbnail = await get(
      `/_matrix/client/v1/media/thumbnail/${topology.serverName}/${id}?width=64&height=64&method=crop`,
      bob.token,
    )
    const small = Buffer.from(await thumbnail.arrayBuffer())
    t.equal(
      [thumbnail.status, small.readUInt32BE(16), small.readUInt32BE(20)],
      [200, 64, 64],
      "status, width and height of the thumbnail's PNG",
    )
    await servedOnlyBy(t, world, 'media', ['media1'], (sent) => /\/media\//.test(sent.target), from)
  })

  await report.group('media: 20 MiB up and down', async (t) => {
    const size = 20 << 20
    const block = Buffer.alloc(1 << 16)
    for (let i = 0; i < block.length; i++) block[i] = (i * 7919) & 0xff
    // Not chunked: without a Content-Length Synapse refuses an upload.
    const upload = await traffic.fetch(new URL('/_matrix/media/v3/upload?filename=big.bin', traffic.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.token}`, 'content-type': 'application/octet-stream' },
      body: Buffer.concat(Array.from({ length: size / block.length }, () => block)),
    })
    const answer = (await upload.json()) as { content_uri?: string }
    t.ok(answer.content_uri, `POST upload (${upload.status} ${JSON.stringify(answer)})`)
    const path = answer.content_uri!.slice('mxc://'.length)
    const download = await traffic.fetch(new URL(`/_matrix/client/v1/media/download/${path}`, traffic.url), {
      headers: { authorization: `Bearer ${bob.token}` },
    })
    const body = Buffer.from(await download.arrayBuffer())
    t.equal(body.length, size, 'the length of what comes back')
    t.ok(
      Array.from({ length: size / block.length }, (_, i) =>
        block.equals(body.subarray(i * block.length, (i + 1) * block.length)),
      ).every(Boolean),
      'its bytes',
    )
  })

  await report.group('media: created first, uploaded later', async (t) => {
    const created = await traffic.ask('POST', '/_matrix/media/v1/create', { token: alice.token, body: {} })
    t.ok(created.json?.content_uri, `POST create (${created.text})`)
    const path = created.json.content_uri.slice('mxc://'.length)
    const early = traffic.ask('GET', `/_matrix/client/v1/media/download/${path}?timeout_ms=15000`, { token: bob.token })
    await new Promise((resolve) => setTimeout(resolve, 300))
    const put = await traffic.ask('PUT', `/_matrix/media/v3/upload/${path}`, {
      token: alice.token,
      body: Buffer.from('at last'),
      headers: { 'content-type': 'text/plain' },
    })
    t.equal(put.status, 200, `PUT upload (${put.text})`)
    const { status, text } = await early
    t.equal([status, text], [200, 'at last'], 'the download that waited')
  })
}
