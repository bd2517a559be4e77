// The asker before a real server that does what a test tells it.
import t from 'tap'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestScope } from '@plimsoll/testing'
import { Asker } from '../../src/api/asker.ts'
import type { Address, AskOrder } from '../../src/api/asker-protocol.ts'

const ASKS = [1, 2, 3, 4, 5].map(id => ({ path: `/items/${id}`, begins: `{"id":${id},` }))

await t.test('a list is asked once, each with its own answer, with the fields that were given', async t => {
  const seen: string[] = []
  const { asker, order } = await setUp(t, (request, response) => {
    seen.push(`${request.url} ${String(request.headers['x-mark'])}`)
    response.setHeader('cache-status', seen.length > 3 ? 'here; hit; ttl=3' : 'here; fwd=miss')
    response.end(answerTo(request.url))
  })
  const figures = await asker.ask({ ...order, fields: ['Host: x', 'X-Mark: m'] })
  t.same(
    seen.toSorted(),
    ASKS.map(({ path }) => `${path} m`),
  )
  t.match(figures, { failed: 0, firstFailure: null, hits: 2, bodyBytes: 16 })
  t.equal(figures.latenciesMs.length, 5)
  t.ok(figures.latenciesMs.every(ms => ms > 0 && ms <= figures.seconds * 1000))
})

await t.test('credentials go with the asks that name somebody, and with no other', async t => {
  const seen: Record<string, unknown> = {}
  const { asker, order } = await setUp(t, (request, response) => {
    seen[request.url ?? ''] = request.headers.authorization
    response.end(answerTo(request.url))
  })
  const [first, second, third] = ASKS.map(({ path }) => path)
  await asker.ask({
    ...order,
    asks: ASKS.map(ask =>
      ask.path === first ? { ...ask, as: 'operator' } : ask.path === second ? { ...ask, as: 'user' } : ask,
    ),
    authorizations: { operator: 'Bearer of-operators', user: 'Bearer of-a-user' },
  })
  t.equal(seen[first ?? ''], 'Bearer of-operators')
  t.equal(seen[second ?? ''], 'Bearer of-a-user')
  t.equal(seen[third ?? ''], undefined)
})

await t.test('a list is asked over and over for a time, and connections are kept', async t => {
  let connections = 0
  const { asker, order } = await setUp(t, (request, response) => response.end(answerTo(request.url)))
  order.server.on('connection', () => connections++)
  const figures = await asker.ask({ ...order, forMs: 30, connections: 3 })
  t.ok(figures.seconds >= 0.03)
  await asker.ask({ ...order, connections: 3 })
  t.equal(connections, 3)
})

await t.test('other statuses and lost connections are failures, and the rest is asked', async t => {
  const { asker, order } = await setUp(t, (request, response) => {
    if (request.url === '/items/2') response.writeHead(503).end('{"code":"BUSY"}')
    else if (request.url === '/items/3') request.socket.destroy()
    else response.end(answerTo(request.url))
  })
  const figures = await asker.ask({ ...order, connections: 1 })
  t.equal(figures.latenciesMs.length, 3)
  t.equal(figures.failed, 2)
  t.equal(figures.firstFailure, '/items/2: 503 {"code":"BUSY"}')
})

await t.test('an answer that ends its connection is no failure', async t => {
  const { asker, order } = await setUp(t, (request, response) => {
    response.setHeader('connection', 'close')
    response.end(answerTo(request.url))
  })
  const figures = await asker.ask({ ...order, connections: 1 })
  t.match(figures, { failed: 0 })
  t.equal(figures.latenciesMs.length, 5)
})

await t.test('a wrong answer ends everything', async t => {
  const { asker, order } = await setUp(t, (_request, response) => response.end(answerTo('/items/1')))
  await t.rejects(asker.ask({ ...order, forMs: 60_000 }), /\/items\/\d is to begin with/)
})

await t.test('so does a service that fails again and again, and one that is not there', async t => {
  const { asker, order } = await setUp(t, (_request, response) => response.writeHead(500).end('{}'))
  await t.rejects(asker.ask({ ...order, forMs: 60_000 }), /500 {}, again and again/)
  await t.rejects(asker.ask({ ...order, address: { path: '/nowhere/at.all' } }), /ENOENT/)
})

interface SetUp {
  readonly asker: Asker
  readonly order: AskOrder & { readonly server: ReturnType<typeof createServer> }
}

async function setUp(t: TestScope, listener: RequestListener): Promise<SetUp> {
  const server = createServer(listener)
  const asker = new Asker()
  t.teardown(() => {
    asker.close()
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address: Address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  return {
    asker,
    order: { server, address, fields: ['Host: x'], asks: ASKS, connections: 2, forMs: null, stable: true },
  }
}

function answerTo(url: string | undefined): string {
  return `{"id":${url?.split('/')[2]},"x":"y"}`
}
