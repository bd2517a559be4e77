import t from 'tap'
import { createServer, request, Agent, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rawClient, until, type TestScope } from '@plimsoll/testing'
import { ConnectionCount, Draining, drainServer } from '../../src/worker/drain.ts'

interface Served {
  readonly server: Server
  readonly port: number
  readonly draining: Draining
  readonly connections: ConnectionCount
  readonly drain: (options?: { acceptMs?: number; closeMs?: number }) => Promise<void>
}

async function serve(
  t: TestScope,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Served> {
  const server = createServer(answer)
  const draining = new Draining()
  const connections = new ConnectionCount(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise<void>(resolve => server.close(() => resolve()))
  t.teardown(async () => {
    server.closeAllConnections()
    await close()
  })
  const { port } = server.address() as AddressInfo
  const drain = ({ acceptMs = 60_000, closeMs = 60_000 } = {}) =>
    drainServer({ server, close }, draining, connections, { acceptMs, closeMs })
  return { server, port, draining, connections, drain }
}

await t.test('a server without connections is closed at once', async t => {
  const { server, draining, drain } = await serve(t, () => {})
  await drain()
  t.equal(draining.draining, true)
  t.equal(server.listening, false)
})

await t.test('it accepts and answers until the last connection is let go', async t => {
  const { server, port, drain } = await serve(t, (_request, response) => void response.end('ok'))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const get = () =>
    new Promise<number>((resolve, reject) => {
      request({ port, agent }, response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      })
        .on('error', reject)
        .end()
    })
  t.equal(await get(), 200)
  const drained = drain()
  t.equal(await get(), 200, 'over the kept connection')
  const newcomer = await rawClient(t, { port })
  await newcomer.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  t.equal((await newcomer.readResponse()).status, 200, 'over a new one')
  t.equal(server.listening, true)
  agent.destroy()
  await drained
  t.equal(server.listening, false)
})

await t.test('a connection that nobody lets go is closed when idle after the time to accept', async t => {
  const { port, drain } = await serve(t, (_request, response) => void response.end('ok'))
  const client = await rawClient(t, { port })
  await client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await client.readResponse()
  await drain({ acceptMs: 20 })
  t.equal(await client.expectClosed(), 'ended')
})

await t.test('what is under way is answered after the time to accept', async t => {
  const responses: ServerResponse[] = []
  const { server, port, drain } = await serve(t, (_request, response) => void responses.push(response))
  const client = await rawClient(t, { port })
  await client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => responses.length === 1, { what: 'the request' })
  const drained = drain({ acceptMs: 1 })
  await until(() => !server.listening, { what: 'the server to stop accepting' })
  responses[0]?.end('late')
  t.equal((await client.readResponse()).body.toString(), 'late')
  await drained
})

await t.test('what takes longer than the time to close is cut', async t => {
  const { port, drain } = await serve(t, () => {})
  const client = await rawClient(t, { port })
  await client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await drain({ acceptMs: 1, closeMs: 20 })
  await client.expectClosed()
  t.pass('cut')
})
