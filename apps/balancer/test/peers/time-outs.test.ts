// Every time that may pass: what ends it, what the client is told, and that nothing is left behind.
import t, { type Test } from 'tap'
import { rawClient, rawServer, until, type RawPeer } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'
import { blackHole } from './black-hole.ts'

/** An endpoint that reads heads and leaves the rest to the case. */
async function silent(t: Test, script: (peer: RawPeer, head: string) => void | Promise<void> = () => {}) {
  return rawServer(t, async peer => {
    try {
      for (;;) await script(peer, (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1'))
    } catch {
      peer.end()
    }
  })
}

/** Calls and tells how long it took. */
async function timed<T>(call: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const fromMs = performance.now()
  return { result: await call(), ms: performance.now() - fromMs }
}

await t.test('connect: an endpoint that swallows connections is given up, with 504 and nothing sent', async t => {
  const hole = await blackHole(t)
  const balancer = await startBalancer(t, [hole.url], ['--timeouts.connect-ms=150', '--health.interval-ms=60000'])
  await hole.swallow()
  const { result, ms } = await timed(() => answerTo(t, balancer.port, get('/', '', 'POST'), 'POST'))
  t.equal(result.status, 504)
  t.match(problemOf(result), { code: 'LB_ERR_UPSTREAM_CONNECT_TIMEOUT', source: 'upstream' })
  t.ok(ms >= 145, `${ms} ms`)
})

await t.test('connect: another endpoint is asked instead, also for a POST', async t => {
  const hole = await blackHole(t)
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(
    t,
    [hole.url, origin.url],
    ['--timeouts.connect-ms=100', '--health.interval-ms=60000'],
  )
  await hole.swallow()
  for (let i = 0; i < 2; i++)
    t.equal((await answerTo(t, balancer.port, `${get('/', 'Content-Length: 3\r\n', 'POST')}abc`, 'POST')).status, 200)
  t.same(
    origin.seen.map(({ body }) => body.toString()),
    ['abc', 'abc'],
  )
})

await t.test(
  'head: a request that does not come whole is answered with 408, on a fresh and on a used connection',
  async t => {
    const origin = await strictOrigin(t)
    const balancer = await startBalancer(t, [origin.url], ['--timeouts.request-head-ms=150'])
    for (const before of ['', get('/')]) {
      const client = await rawClient(t, balancer.port)
      await client.write(`${before}GET / HTTP/1.1\r\nHost: a`)
      if (before) t.equal((await final(client)).status, 200)
      const response = await final(client)
      t.equal(response.status, 408)
      t.match(problemOf(response), { code: 'LB_ERR_REQUEST_TIMEOUT', source: 'client' })
      t.equal(await client.expectClosed(), 'ended')
    }
  },
)

await t.test('head: a client that connects and says nothing is closed without a word', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url], ['--timeouts.request-head-ms=100'])
  const client = await rawClient(t, balancer.port)
  t.equal((await client.readAll()).length, 0)
})

await t.test(
  'idle client: a kept connection is closed without a word, and its time begins anew with each answer',
  async t => {
    const origin = await strictOrigin(t)
    const balancer = await startBalancer(t, [origin.url], ['--timeouts.idle-client-ms=200'])
    const client = await rawClient(t, balancer.port)
    for (let i = 0; i < 4; i++) {
      await client.write(get('/'))
      t.equal((await final(client)).status, 200)
      await new Promise(resolve => setTimeout(resolve, 80))
    }
    t.equal(client.state, 'open')
    const { ms } = await timed(() => client.readAll())
    t.ok(ms < 1500)
  },
)

await t.test(
  'idle endpoint: a kept connection is closed after its time, and after the time that the endpoint says',
  async t => {
    const cases = [
      { flag: '--timeouts.idle-upstream-ms=120', fields: '' },
      { flag: '--timeouts.idle-upstream-ms=60000', fields: 'Keep-Alive: timeout=1, max=100\r\n' },
    ]
    for (const { flag, fields } of cases) {
      const server = await silent(t, peer => peer.write(answer('ok', fields)))
      const balancer = await startBalancer(t, [server.url], [flag, '--health.interval-ms=60000'])
      t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
      const peer = server.peers.at(-1) as RawPeer
      t.equal(peer.state, 'open')
      await peer.expectClosed({ timeoutMs: 3000 })
    }
  },
)

await t.test('an endpoint that keeps no connection at all by its own words is not asked twice over one', async t => {
  const server = await silent(t, peer => peer.write(answer('ok', 'Keep-Alive: timeout=0\r\n')))
  const balancer = await startBalancer(t, [server.url], ['--health.interval-ms=60000'])
  t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  await (server.peers.at(-1) as RawPeer).expectClosed()
})

await t.test('try and total: each try has its time, all of them together have theirs', async t => {
  const servers = [await silent(t), await silent(t), await silent(t)]
  const balancer = await startBalancer(
    t,
    servers.map(({ url }) => url),
    ['--retry.count=5', '--timeouts.try-ms=150', '--timeouts.total-ms=220'],
  )
  const { result, ms } = await timed(() => answerTo(t, balancer.port, get('/')))
  t.equal(result.status, 504)
  t.match(problemOf(result), { code: 'LB_ERR_UPSTREAM_TIMEOUT', source: 'upstream' })
  t.ok(ms >= 215 && ms < 1500, `${ms} ms`)
  const post = await timed(() => answerTo(t, balancer.port, get('/', '', 'POST'), 'POST'))
  t.equal(post.result.status, 504)
  t.ok(post.ms >= 145, 'a POST that was sent is tried once')
})

await t.test('try: a hung endpoint is left for another, which answers', async t => {
  const hung = await silent(t)
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [hung.url, origin.url], ['--timeouts.try-ms=100'])
  for (let i = 0; i < 2; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
})

await t.test('try: interim answers do not lengthen it', async t => {
  const server = await silent(t, async peer => {
    for (let i = 0; i < 20 && peer.state === 'open'; i++) {
      await peer.write('HTTP/1.1 102 Processing\r\n\r\n')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  })
  const balancer = await startBalancer(t, [server.url], ['--timeouts.try-ms=200', '--timeouts.total-ms=200'])
  t.equal((await answerTo(t, balancer.port, get('/'))).status, 504)
})

await t.test('try: a slow upload is no fault of the endpoint; its time begins when the request is whole', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url], ['--timeouts.try-ms=100', '--timeouts.total-ms=100'])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/', 'Content-Length: 8\r\n', 'POST'))
  for (let i = 0; i < 8; i++) {
    await client.write('x')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  t.equal((await final(client, 'POST')).status, 200)
})

await t.test('try: an endpoint that does not read the body is given up', async t => {
  const server = await rawServer(t, peer => {
    peer.pause()
  })
  const balancer = await startBalancer(
    t,
    [server.url],
    ['--timeouts.try-ms=300', '--timeouts.total-ms=300', '--limits.max-body-bytes=0'],
  )
  const client = await rawClient(t, balancer.port)
  const size = 50_000_000
  void client.write(get('/', `Content-Length: ${size}\r\n`, 'POST')).catch(() => {})
  void client.write(Buffer.alloc(size, 'x')).catch(() => {})
  const response = await final(client, 'POST')
  t.equal(response.status, 504)
})

await t.test('answer: an endpoint that falls silent in the middle is cut off; one that goes on is not', async t => {
  const server = await silent(t, async (peer, head) => {
    await peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    for (let i = 0; i < 6; i++) {
      await peer.write('1\r\nx\r\n')
      await new Promise(resolve => setTimeout(resolve, 60))
    }
    if (head.includes('/whole')) await peer.write('0\r\n\r\n')
  })
  const balancer = await startBalancer(
    t,
    [server.url],
    ['--timeouts.answer-idle-ms=150', '--timeouts.try-ms=100', '--timeouts.total-ms=100'],
  )
  t.equal((await answerTo(t, balancer.port, get('/whole'))).body.toString(), 'xxxxxx')
  const client = await rawClient(t, balancer.port)
  await client.write(get('/cut'))
  await client.expectClosed()
  t.match(client.unread.toString(), /1\r\nx\r\n$/)
})

await t.test('linger: a closing connection is read until it is silent, then dropped', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url], ['--timeouts.linger-ms=150'])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/', 'Connection: close\r\n'))
  t.equal((await final(client)).status, 200)
  await client.expectClosed()
  const count = async () =>
    Number(
      /^lb_connections_active\{[^}]*\} (\d+)$/m.exec(await (await fetch(`${balancer.adminUrl}/metrics`)).text())?.[1],
    )
  t.equal(await count(), 1, 'our side is closed, the client’s is not')
  const { ms } = await timed(() => until(async () => (await count()) === 0, { what: 'the connection to be gone' }))
  t.ok(ms < 2000)
})
