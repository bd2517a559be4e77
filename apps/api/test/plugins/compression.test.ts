import t from 'tap'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { demoDatabase } from '../fixture/demo-database.ts'
import { testApp } from '../fixture/test-app.ts'

const database = await demoDatabase(t)
const { app } = await testApp(t, database.url)
const plain = await app.inject({ url: '/api/courses?limit=50' })

await t.test('a long answer is compressed as the client likes best, and says that it differs', async t => {
  for (const [accept, encoding, decompress] of [
    ['gzip', 'gzip', gunzipSync],
    ['br', 'br', brotliDecompressSync],
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
  ] as const) {
    const { headers, rawPayload } = await app.inject({
      url: '/api/courses?limit=50',
      headers: { 'accept-encoding': accept },
    })
    t.match(
      headers,
      { 'content-encoding': encoding, vary: /accept-encoding/i, 'content-type': /^application\/json/ },
      accept,
    )
    t.equal(decompress(rawPayload).toString(), plain.body)
    t.ok(rawPayload.length < plain.rawPayload.length / 3)
  }
})

await t.test('a short answer, and one for a client that did not ask, go out as they are', async t => {
  t.equal(plain.headers['content-encoding'], undefined)
  t.equal(
    (await app.inject({ url: '/health/live', headers: { 'accept-encoding': 'br' } })).headers['content-encoding'],
    undefined,
  )
  t.equal(
    (await app.inject({ url: '/api/courses?limit=50', headers: { 'accept-encoding': 'identity' } })).headers[
      'content-encoding'
    ],
    undefined,
  )
})

await t.test('switched off, nothing is compressed', async t => {
  const { app } = await testApp(t, database.url, { features: { compression: false } })
  const { headers, body } = await app.inject({
    url: '/api/courses?limit=50',
    headers: { 'accept-encoding': 'br, gzip' },
  })
  t.equal(headers['content-encoding'], undefined)
  t.equal(body, plain.body)
})
