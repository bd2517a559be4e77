// The sender before a real server that does what a test tells it.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { TestScope } from '@plimsoll/testing'
import { PacedSender } from '../../src/sign-in-flood/paced.ts'
import type { PacedOrder } from '../../src/sign-in-flood/paced-protocol.ts'
import { clientAddresses, floodedEmails, wrongLogins } from '../../src/sign-in-flood/requests.ts'

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

await t.test('requests go in turn, from all clients, and every one is counted by what became of it', async t => {
  const seen: string[] = []
  const peers = new Set<string>()
  const { send } = await setUp(t, (request, response) => {
    seen.push(request.url ?? '')
    peers.add(request.socket.remoteAddress ?? '')
    if (request.url === '/b') response.writeHead(429).end('{"status":429,"code":"API_ERR_RATE_LIMITED"}')
    else if (request.url === '/c') request.socket.destroy()
    else response.end('{}')
  })
  const figures = await send({ requests: ['/a', '/b', '/c'].map(get), perSecond: 1000, forMs: 60 })
  t.ok(figures.sent > 20, String(figures.sent))
  for (const path of ['/a', '/b', '/c']) {
    const count = seen.filter(one => one === path).length
    t.ok(Math.abs(count - figures.sent / 3) < 1, `${path}: ${count} of ${figures.sent}`)
  }
  t.same([...peers].toSorted(), ['127.9.0.1', '127.9.0.2', '127.9.0.3'])
  const { '200': good = 0, '429 API_ERR_RATE_LIMITED': limited = 0, lost = 0 } = figures.outcomes
  t.equal(good + limited + lost, figures.sent)
  t.ok(good > 0 && limited > 0 && lost > 0)
  t.equal(figures.latenciesMs.length, good + limited)
})

await t.test('who is slow gets no fewer requests, and what waits for a client counts from when it was due', async t => {
  const held: (() => void)[] = []
  let isHolding = true
  const { send } = await setUp(t, (_request, response) => {
    const answer = () => void response.end('{}')
    if (!isHolding) return answer()
    // All three clients wait, and more is due meanwhile.
    if (held.push(answer) < 3) return undefined
    isHolding = false
    setTimeout(() => {
      for (const one of held) one()
    }, 40)
    return undefined
  })
  const figures = await send({ requests: [get('/')], perSecond: 400, forMs: 60 })
  t.equal(figures.outcomes['200'], figures.sent)
  t.ok(figures.sent > 6, String(figures.sent))
  t.ok(figures.lagP99Ms > 5, String(figures.lagP99Ms))
  t.ok(figures.latenciesMs.some(ms => ms >= 30))
})

await t.test('an answer that was another one before ends the run, and one that is no 200 does not', async t => {
  let answers = 0
  const { send } = await setUp(t, (_request, response) => {
    answers++
    if (answers === 2) response.writeHead(503).end('{}')
    else response.end(answers < 4 ? 'the same' : 'another')
  })
  const order = { requests: [get('/things')], perSecond: 1000, checked: true }
  await t.rejects(send({ ...order, forMs: 200 }), /another answer than before to GET \/things HTTP\/1\.1/)
})

await t.test('a login is a whole request, with a password that nobody has', async t => {
  const bodies: string[] = []
  const { send } = await setUp(t, (request, response) => {
    let body = ''
    request.on('data', (bytes: Buffer) => (body += bytes.toString()))
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${body}`)
      response.end('{}')
    })
  })
  const emails = floodedEmails(['a@example.org'])
  t.same(emails, ['a@example.org', 'nobody-0@none.example'])
  await send({ requests: wrongLogins(emails), perSecond: 1000, forMs: 20 })
  t.match(bodies[0], /^POST \/api\/auth\/login \{"email":".+@.+","password":"[\w-]{16}"\}$/)
})

await t.test('clients have loopback addresses, each another', async t => {
  const addresses = [...clientAddresses(1, 450), ...clientAddresses(2, 10)]
  t.equal(new Set(addresses).size, 460)
  for (const address of addresses) t.match(address, /^127\.[12]\.[0-2]\.(?:[1-9]|[1-9]\d|1\d\d|200)$/)
})

async function setUp(t: TestScope, listener: RequestListener) {
  const server = createServer(listener)
  const sender = new PacedSender()
  t.teardown(() => {
    sender.close()
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const order = { host: '127.0.0.1', port, clientAddresses: clientAddresses(9, 3), seed: 1, checked: false }
  return {
    send: (own: Pick<PacedOrder, 'requests' | 'perSecond' | 'forMs'> & Partial<PacedOrder>) =>
      sender.send({ ...order, ...own }),
  }
}
