// Bytes that are no request, sent as bytes: what node:http would answer too early, or not as a problem document.
import t from 'tap'
import type { AddressInfo } from 'node:net'
import { rawClient, type HttpResponse } from '@plimsoll/testing'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

const { app } = await testApp(t, NO_DATABASE)
const release = Promise.withResolvers<void>()
app.get('/slow', { schema: probeSchema, config: { access: 'public' } }, async () => {
  await release.promise
  return { slow: true }
})
await app.listen({ host: '127.0.0.1', port: 0 })
const { port } = app.server.address() as AddressInfo

const problem = (response: HttpResponse) => JSON.parse(response.body.toString()) as Record<string, unknown>

await t.test('broken bytes are refused with a problem document, and the connection is closed', async t => {
  for (const bytes of [
    'GARBAGE\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
  ]) {
    const client = await rawClient(t, { port })
    await client.write(bytes)
    const response = await client.readResponse()
    t.equal(response.status, 400)
    t.match(problem(response), { status: 400, code: 'API_ERR_BAD_REQUEST' })
    t.equal(await client.expectClosed(), 'ended')
  }
})

await t.test('a header beyond 16 KiB is refused as such', async t => {
  const client = await rawClient(t, { port })
  await client.write(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(17_000)}\r\n\r\n`)
  const response = await client.readResponse()
  t.match({ status: response.status, ...problem(response) }, { status: 431, code: 'API_ERR_HEADERS_TOO_LARGE' })
})

await t.test('an expectation that nobody can meet is refused as such', async t => {
  const client = await rawClient(t, { port })
  await client.write('GET /health/live HTTP/1.1\r\nhost: x\r\nexpect: the-impossible\r\n\r\n')
  const response = await client.readResponse()
  t.match({ status: response.status, ...problem(response) }, { status: 417, code: 'API_ERR_EXPECTATION' })
})

await t.test('a good request before a bad tail keeps its answer, and the refusal comes after it', async t => {
  const client = await rawClient(t, { port })
  await client.write(
    'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\nGET /slow HTTP/1.1\r\nhost: x\r\n\r\nGARBAGE\r\n\r\nMORE GARBAGE\r\n\r\n',
  )
  const first = await client.readResponse()
  t.match({ status: first.status, ...problem(first) }, { status: 'ok' })
  release.resolve()
  const second = await client.readResponse()
  t.same(problem(second), { slow: true })
  const refusal = await client.readResponse()
  t.match({ status: refusal.status, ...problem(refusal) }, { status: 400, code: 'API_ERR_BAD_REQUEST' })
  await client.expectClosed()
  t.equal(client.unread.length, 0, 'one refusal')
})
