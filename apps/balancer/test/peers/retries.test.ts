// What is sent again and what isn't: nothing that could have been carried out twice, and nothing that isn't held whole.
import t, { type Test } from 'tap'
import { rawClient, rawServer, until, type RawPeer } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin, type Answerer } from '../strict-origin.ts'

// Failures are what's tested here: nobody is to be taken out for them.
const QUIET = ['--health.interval-ms=60000', '--outlier.consecutive-failures=0']
const withBody = (method: string, body: string, target = '/') =>
  `${get(target, `Content-Length: ${body.length}\r\n`, method)}${body}`

/** Two endpoints: the first fails each request as the script says, the second answers. Requests of the first are counted by method. */
async function failing(t: Test, fail: (peer: RawPeer, head: string) => void | Promise<void>, flags: string[] = []) {
  const tried: string[] = []
  const server = await rawServer(t, async peer => {
    try {
      for (;;) {
        const head = (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1')
        tried.push(head.split(' ')[0] ?? '')
        await fail(peer, head)
      }
    } catch {
      peer.end()
    }
  })
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [server.url, origin.url], [...QUIET, ...flags])
  return { tried, origin, balancer }
}

const FAILURES: readonly (readonly [name: string, fail: (peer: RawPeer) => void | Promise<void>])[] = [
  ['a close', peer => peer.release()],
  ['a reset', peer => peer.reset()],
  ['half a head', async peer => (await peer.write('HTTP/1.1 20'), peer.release())],
  ['no HTTP', async peer => peer.write('nonsense\r\n\r\n')],
  ['502', async peer => peer.write(answer('', '', '502 Bad Gateway'))],
  ['503', async peer => peer.write(answer('busy', '', '503 Service Unavailable'))],
  ['504', async peer => peer.write(answer('', '', '504 Gateway Timeout'))],
]

for (const [name, fail] of FAILURES) {
  await t.test(`${name}: idempotent methods are asked of the other endpoint, POST and PATCH are not`, async t => {
    const { tried, origin, balancer } = await failing(t, fail)
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
      for (let i = 0; i < 2; i++)
        t.equal(
          (await answerTo(t, balancer.port, method === 'PUT' ? withBody('PUT', 'abc') : get('/', '', method), method))
            .status,
          200,
          method,
        )
    const statuses: number[] = []
    for (const method of ['POST', 'POST', 'PATCH', 'PATCH', 'OTHER', 'OTHER'])
      statuses.push((await answerTo(t, balancer.port, withBody(method, 'abc'), method)).status)
    const failed = statuses.filter(status => status >= 500).length
    t.equal(failed, 3, 'each second one met the first endpoint')
    t.equal(origin.seen.filter(({ method }) => ['POST', 'PATCH', 'OTHER'].includes(method)).length, 3)
    t.equal(tried.length, 5 + 3)
    t.ok(origin.seen.filter(({ method }) => method === 'PUT').every(({ body }) => body.toString() === 'abc'))
  })
}

await t.test('a 503 without end is not waited for', async t => {
  const { balancer, tried } = await failing(
    t,
    async peer => peer.write('HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n'),
    ['--timeouts.discard-ms=50'],
  )
  for (let i = 0; i < 2; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  t.equal(tried.length, 1)
})

await t.test('500 and other answers are passed on', async t => {
  for (const status of [
    '500 Internal Server Error',
    '501 Not Implemented',
    '429 Too Many Requests',
    '404 Not Found',
    '408 Request Timeout',
  ]) {
    const { balancer, tried } = await failing(t, async peer => peer.write(answer('', '', status)))
    const statuses = [await answerTo(t, balancer.port, get('/')), await answerTo(t, balancer.port, get('/'))].map(
      ({ status }) => status,
    )
    t.ok(statuses.includes(Number(status.slice(0, 3))))
    t.equal(tried.length, 1)
  }
})

await t.test('a 503 is passed on when there is nobody else to ask, or no retry is left', async t => {
  const origin = await strictOrigin(t, () => answer('busy', 'Retry-After: 7\r\n', '503 Service Unavailable'))
  const alone = await startBalancer(t, [origin.url], QUIET)
  const response = await answerTo(t, alone.port, get('/'))
  t.equal(response.status, 503)
  t.equal(response.body.toString(), 'busy')
  t.equal(response.header('retry-after'), '7')
  t.equal(origin.seen.length, 1)
  const other = await strictOrigin(t, () => answer('busy too', '', '503 Service Unavailable'))
  const both = await startBalancer(t, [origin.url, other.url], QUIET)
  t.equal((await answerTo(t, both.port, get('/'))).status, 503)
  t.equal(origin.seen.length + other.seen.length, 3)
  const none = await startBalancer(t, [origin.url, other.url], [...QUIET, '--retry.count=0'])
  t.equal((await answerTo(t, none.port, get('/'))).status, 503)
  t.equal(origin.seen.length + other.seen.length, 4)
})

await t.test('a body up to 64 KiB is sent again from its beginning, a larger one is not', async t => {
  const { origin, balancer } = await failing(t, async peer => {
    await peer.readUntil(1).catch(() => {})
    peer.reset()
  })
  for (const framing of ['length', 'chunks']) {
    for (const size of [1, 60_000, 65_536]) {
      for (let i = 0; i < 2; i++) {
        const body = 'x'.repeat(size)
        const bytes =
          framing === 'length'
            ? withBody('PUT', body)
            : `${get('/', 'Transfer-Encoding: chunked\r\n', 'PUT')}${size.toString(16)}\r\n${body}\r\n0\r\nX-T: t\r\n\r\n`
        t.equal((await answerTo(t, balancer.port, bytes, 'PUT')).status, 200)
        t.equal(origin.seen.at(-1)?.body.length, size)
        t.same(origin.seen.at(-1)?.trailers, framing === 'length' ? [] : [['X-T', 't']])
      }
    }
  }
  const statuses: number[] = []
  for (let i = 0; i < 2; i++)
    statuses.push((await answerTo(t, balancer.port, withBody('PUT', 'x'.repeat(200_000)), 'PUT')).status)
  t.same(new Set(statuses), new Set([200, 502]))
})

await t.test('a body that is still coming goes on to the other endpoint from its beginning', async t => {
  const reached = Promise.withResolvers<RawPeer>()
  const { origin, balancer } = await failing(t, peer => reached.resolve(peer))
  const client = await rawClient(t, balancer.port)
  await client.write(`${get('/', 'Content-Length: 6\r\n', 'PUT')}abc`)
  const peer = await reached.promise
  await peer.readUntil('abc')
  peer.reset()
  await until(() => origin.peers.length === 1, { what: 'the other endpoint to be asked' })
  await client.write('def')
  t.equal((await final(client, 'PUT')).status, 200)
  t.equal(origin.seen.at(-1)?.body.toString(), 'abcdef')
})

/** Answers the first request of each connection; at the second it closes, as if its keep-alive time had just been over. */
function staleAfterFirst(): { answerer: Answerer; refused: string[] } {
  const refused: string[] = []
  const used = new Set<number>()
  return {
    refused,
    answerer: (request, peer) => {
      if (!used.has(request.connection)) {
        used.add(request.connection)
        return answer('fresh')
      }
      refused.push(request.method)
      peer.release()
      return undefined
    },
  }
}

await t.test('a kept connection that turns out to be closed: GET is repeated over another, POST is not', async t => {
  const { answerer, refused } = staleAfterFirst()
  const origin = await strictOrigin(t, answerer)
  const balancer = await startBalancer(t, [origin.url], [...QUIET, '--retry.count=0'])
  t.equal((await answerTo(t, balancer.port, get('/'))).body.toString(), 'fresh')
  t.equal(
    (await answerTo(t, balancer.port, get('/'))).body.toString(),
    'fresh',
    'repeated, although no retry is allowed',
  )
  t.same(refused, ['GET'])
  const response = await answerTo(t, balancer.port, withBody('POST', 'x'), 'POST')
  t.equal(response.status, 502)
  t.match(problemOf(response), { code: 'LB_ERR_UPSTREAM_CLOSED' })
  t.same(refused, ['GET', 'POST'])
  t.equal(origin.seen.filter(({ method }) => method === 'POST').length, 1, 'never sent twice')
})

await t.test('the repeat goes over a fresh connection: others that are kept may be as old', async t => {
  const { answerer, refused } = staleAfterFirst()
  const held: (() => void)[] = []
  const origin = await strictOrigin(t, async (request, peer) => {
    if (request.target === '/held') await new Promise<void>(resolve => held.push(resolve))
    return answerer(request, peer)
  })
  const balancer = await startBalancer(t, [origin.url], [...QUIET, '--retry.count=0'])
  const kept = Array.from({ length: 4 }, () => answerTo(t, balancer.port, get('/held')))
  await until(() => held.length === 4, { what: 'four connections to be open' })
  for (const go of held) go()
  await Promise.all(kept)
  t.equal((await answerTo(t, balancer.port, get('/'))).body.toString(), 'fresh')
  t.same(refused, ['GET'], 'only one of them was tried')
})

await t.test(
  'a kept connection that the endpoint has ended before the request is not used, not even for a POST',
  async t => {
    const origin = await strictOrigin(t)
    const balancer = await startBalancer(t, [origin.url], QUIET)
    for (let i = 0; i < 5; i++) {
      const response = await answerTo(t, balancer.port, withBody('POST', 'x'), 'POST')
      t.equal(response.status, 200)
      const peer = origin.peers.at(-1) as RawPeer
      peer.end()
      await until(() => peer.state !== 'open', { what: 'the balancer to close its side', intervalMs: 1 })
    }
  },
)

await t.test('connections are kept and used again, the last used first', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url], QUIET)
  for (let i = 0; i < 10; i++) await answerTo(t, balancer.port, get('/'))
  t.equal(new Set(origin.seen.map(({ connection }) => connection)).size, 1)
  const none = await startBalancer(t, [origin.url], [...QUIET, '--limits.max-idle-per-endpoint=0'])
  const before = origin.seen.length
  for (let i = 0; i < 3; i++) await answerTo(t, none.port, get('/'))
  t.equal(new Set(origin.seen.slice(before).map(({ connection }) => connection)).size, 3)
})

await t.test('no connection is used again before its request is whole', async t => {
  const server = await rawServer(t, async peer => {
    if (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)) await peer.write(answer('early'))
  })
  const balancer = await startBalancer(t, [server.url], QUIET)
  const client = await rawClient(t, balancer.port)
  await client.write(`${get('/', 'Content-Length: 100\r\n', 'POST')}half`)
  t.equal((await final(client, 'POST')).body.toString(), 'early')
  await until(() => server.peers.at(-1)?.state !== 'open', { what: 'the connection to be closed' })
  t.equal((await answerTo(t, balancer.port, get('/'))).body.toString(), 'early')
})

await t.test('retries are counted by their reason', async t => {
  const { balancer } = await failing(t, peer => peer.reset())
  for (let i = 0; i < 4; i++) await answerTo(t, balancer.port, get('/'))
  const metrics = await (await fetch(`${balancer.adminUrl}/metrics`)).text()
  t.match(metrics, /^lb_retries_total\{reason="closed"\} 2$/m)
})
