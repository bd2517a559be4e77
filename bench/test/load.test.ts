// Generator and backend against each other, and against servers that answer wrongly: a bench that can't see a wrong answer measures nothing.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Load } from '../src/load.ts'
import { idOffset, requestHead, SIZES, type Workload } from '../src/load-protocol.ts'
import { UNPINNED } from '../src/pinning.ts'

const get: Workload = { name: 'get', method: 'GET', size: 'a', bodyBytes: 0, connections: 4, fields: [] }
const times = { warmupMs: 10, measureMs: 60 }

const load = await Load.start({ nodePath: process.execPath, signal: new AbortController().signal }, UNPINNED)
t.teardown(() => load.stop())

await t.test('requests of every kind are answered by the backend and counted', async t => {
  const kinds: Workload[] = [
    get,
    { ...get, name: 'large', size: 'b' },
    { ...get, name: 'post', method: 'POST', bodyBytes: 1024 },
    { ...get, name: 'fields', fields: ['Accept: */*', 'Cookie: a=b'] },
  ]
  for (const workload of kinds) {
    const result = await load.run({ ...times, port: load.ports[1] ?? 0, proxyPid: process.pid, workload })
    t.ok(result.requests > 0, `${workload.name}: ${result.requests} requests`)
    t.ok(result.p50Us <= result.p99Us)
    t.ok(result.cpuUsPerRequest !== null && result.cpuUsPerRequest >= 0)
  }
})

await t.test('without a proxy there is no CPU time of one', async t => {
  const result = await load.run({ ...times, port: load.ports[0] ?? 0, proxyPid: null, workload: get })
  t.equal(result.cpuUsPerRequest, null)
  t.equal(result.proxyBusy, null)
})

/** A server that answers each request of the GET workload with what `answer` makes of its number. */
async function liar(t: Test, answer: (id: string, socket: Socket) => string): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      const at = idOffset('GET')
      socket.write(answer(bytes.toString('latin1', at, at + 10), socket))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const body = (id: string) => id + 'x'.repeat(SIZES.a - id.length)
const whole = (id: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${SIZES.a}\r\n\r\n${body(id)}`

const lies: readonly [string, (id: string, socket: Socket) => string, RegExp][] = [
  ["another request's answer", () => whole('0000000009'), /the answer to another request/],
  ['a status that is not 200', id => whole(id).replace('200', '502'), /not a 200/],
  ['a length that is not the asked one', id => whole(id).replace('Length: 128', 'Length: 138'), /no content-length/],
  ['bytes behind an answer', id => `${whole(id)}HTTP/1.1 200`, /bytes too many/],
  [
    'an end of the connection',
    (_, socket) => {
      socket.end()
      return ''
    },
    /the connection was closed/,
  ],
]
for (const [what, answer, message] of lies) {
  await t.test(`a run that sees ${what} is no result`, async t => {
    const port = await liar(t, answer)
    await t.rejects(load.run({ ...times, port, proxyPid: null, workload: get }), { message })
  })
}

await t.test('an answer in single bytes is put together', async t => {
  const port = await liar(t, (id, socket) => {
    for (const byte of whole(id)) socket.write(byte)
    return ''
  })
  const workload = { ...get, connections: 1 }
  const result = await load.run({ ...times, port, proxyPid: null, workload })
  t.ok(result.requests > 0)
})

await t.test('nobody listening is told', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  await t.rejects(load.run({ ...times, port, proxyPid: null, workload: get }), { message: /ECONNREFUSED/ })
})

await t.test('a request has its number where the generator and the backend look for it', async t => {
  for (const method of ['GET', 'POST'] as const) {
    const head = requestHead({ ...get, method, bodyBytes: method === 'POST' ? 20 : 0 })
    t.equal(head.slice(idOffset(method), idOffset(method) + 10), '0000000000')
    t.equal(head[idOffset(method) - 1], 'a')
  }
})
