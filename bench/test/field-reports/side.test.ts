import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Side } from '../../src/field-reports/side.ts'

const server = createServer((request, response) => {
  let body = ''
  request.on('data', (bytes: Buffer) => (body += bytes.toString()))
  request.on('end', () => {
    const status = /\d{3}/.exec(request.url ?? '')?.[0]
    if (request.url === '/kept') response.setHeader('cache-status', 'a-cache; hit; ttl=3')
    if (request.url === '/missed') response.setHeader('cache-status', 'a-cache; fwd=miss')
    response.statusCode = status === undefined ? 200 : Number(status)
    response.end(JSON.stringify({ method: request.method, type: request.headers['content-type'] ?? null, body }))
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const stopping = new AbortController()
const side = new Side({
  name: 'after',
  origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  // Connections are opened when they're needed.
  databaseUrl: 'postgres://nobody@127.0.0.1:1/nowhere',
  connections: 2,
  processors: { begin: () => () => ({}) },
  signal: stopping.signal,
})
t.teardown(async () => {
  await side.close()
  server.close()
})

await t.test('a path is read, a body is posted, both are timed', async t => {
  const read = await side.ask({ path: '/things' })
  t.same(JSON.parse(read.text), { method: 'GET', type: null, body: '' })
  const posted = await side.ask({ path: '/201', body: { name: 'ø' } })
  t.same(JSON.parse(posted.text), { method: 'POST', type: 'application/json', body: '{"name":"ø"}' })
  t.ok(read.ms > 0 && posted.ms > 0)
})

await t.test('an answer that says it comes from a cache is a hit', async t => {
  t.equal((await side.ask({ path: '/kept' })).hit, true)
  t.equal((await side.ask({ path: '/missed' })).hit, false)
  t.equal((await side.ask({ path: '/things' })).hit, false)
})

await t.test('any other status is an error with the answer in it, and so is a run that was stopped', async t => {
  await t.rejects(side.ask({ path: '/503' }), /after: \/503 answers 503: {"method":"GET"/)
  await t.rejects(side.ask({ path: '/304' }), /after: \/304 answers 304/)
  stopping.abort(new Error('Ctrl-C'))
  await t.rejects(side.ask({ path: '/things' }), /Ctrl-C/)
})
