import t from 'tap'
import { createServer, request, Agent, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rawClient, until, type TestScope } from '@plimsoll/testing'
import { createServerDrain, type ServerDrain, type ServerDrainOptions } from '../src/index.ts'
import { FakeClock } from './fixture/fake-clock.ts'

interface Served {
  readonly server: Server
  readonly port: number
  readonly drain: ServerDrain
}

async function serve(
  t: TestScope,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: ServerDrainOptions = {},
): Promise<Served> {
  const server = createServer(answer)
  const close = () => new Promise<void>(resolve => server.close(() => resolve()))
  const drain = createServerDrain(server, close, { acceptMs: 60_000, closeMs: 60_000, quietMs: 20, ...options })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await close()
  })
  const { port } = server.address() as AddressInfo
  return { server, port, drain }
}

await t.test('a server without connections is closed when none has come for a moment', async t => {
  const { server, drain } = await serve(t, () => {})
  t.notOk(drain.isDraining)
  const drained = drain.drain()
  t.ok(drain.isDraining)
  t.equal(drain.drain(), drained, 'once is enough')
  await drained
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
  const drained = drain.drain()
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
  const { port, drain } = await serve(t, (_request, response) => void response.end('ok'), { acceptMs: 20 })
  const client = await rawClient(t, { port })
  await client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await client.readResponse()
  await drain.drain()
  t.equal(await client.expectClosed(), 'ended')
})

await t.test('what is under way is answered after the time to accept', async t => {
  const responses: ServerResponse[] = []
  const { server, port, drain } = await serve(t, (_request, response) => void responses.push(response), { acceptMs: 1 })
  const client = await rawClient(t, { port })
  await client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => responses.length === 1, { what: 'the request' })
  const drained = drain.drain()
  await until(() => !server.listening, { what: 'the server to stop accepting' })
  responses[0]?.end('late')
  t.equal((await client.readResponse()).body.toString(), 'late')
  await drained
})

await t.test('an answer that was under way when the drain began ends its connection too', async t => {
  const responses: ServerResponse[] = []
  const { server, port, drain } = await serve(t, (_request, response) => {
    // The second one has sent its headers before: it can't say any more that it's the last.
    if (responses.push(response) === 2) response.write('half')
  })
  const late = await rawClient(t, { port })
  await late.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => responses.length === 1, { what: 'the first request' })
  const begun = await rawClient(t, { port })
  await begun.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => responses.length === 2, { what: 'the second request' })
  const drained = drain.drain()
  responses[0]?.end('late')
  responses[1]?.end('and half')
  const { headers } = await late.readResponse()
  t.ok(headers.some(([name, value]) => name.toLowerCase() === 'connection' && value === 'close'))
  t.equal(await late.expectClosed(), 'ended')
  t.equal((await begun.readResponse()).body.toString(), 'halfand half')
  t.ok(server.listening, 'a connection is left: its next answer ends it')
  await begun.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => responses.length === 3, { what: 'the third request' })
  responses[2]?.end()
  t.equal(await begun.expectClosed(), 'ended')
  await drained
})

await t.test('where requests are pipelined only the last answer ends the connection', async t => {
  const responses: ServerResponse[] = []
  const { port, drain } = await serve(t, (_request, response) => void responses.push(response))
  const client = await rawClient(t, { port })
  await client.write('GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => responses.length === 2, { what: 'both requests' })
  const drained = drain.drain()
  responses[0]?.end('one')
  responses[1]?.end('two')
  t.equal((await client.readResponse()).body.toString(), 'one')
  t.equal((await client.readResponse()).body.toString(), 'two')
  t.equal(await client.expectClosed(), 'ended')
  await drained
})

await t.test('what takes longer than the time to close is cut', async t => {
  const { port, drain } = await serve(t, () => {}, { acceptMs: 1, closeMs: 20 })
  const client = await rawClient(t, { port })
  await client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await drain.drain()
  await client.expectClosed()
  t.pass('cut')
})

await t.test('between two connections it goes on listening, and every answer ends its connection', async t => {
  const clock = new FakeClock()
  const { server, port, drain } = await serve(t, (_request, response) => void response.end('ok'), {
    clock,
    quietMs: 50,
  })
  const first = await rawClient(t, { port })
  await first.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await first.readResponse()
  const drained = drain.drain()
  await first.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  const { headers } = await first.readResponse()
  t.ok(headers.some(([name, value]) => name.toLowerCase() === 'connection' && value === 'close'))
  t.equal(await first.expectClosed(), 'ended')
  clock.advance(40)
  const second = await rawClient(t, { port })
  await second.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  t.equal((await second.readResponse()).status, 200, 'another one came, and is served')
  clock.advance(40)
  t.ok(server.listening, 'the pause begins anew')
  await second.expectClosed()
  await until(
    () => {
      clock.advance(50)
      return !server.listening
    },
    { what: 'the end of the drain' },
  )
  await drained
})
