// Expect: 100-continue (RFC 9110, 10.1.1): the head goes on at once, the body when the endpoint or the client says so.
import t from 'tap'
import { rawClient, rawServer, type HttpResponse, type RawPeer } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const EXPECTING = 'Expect: 100-continue\r\nContent-Length: 5\r\n'

/** An endpoint that reads heads only, and does as told. */
async function endpoint(t: Parameters<typeof rawServer>[0], script: (peer: RawPeer, head: string) => Promise<void>) {
  return rawServer(t, async peer => {
    try {
      for (;;) await script(peer, (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1'))
    } catch {
      peer.end()
    }
  })
}

await t.test(
  "the endpoint's 100 reaches the client, then the body the endpoint, then the answer the client",
  async t => {
    let head = ''
    const server = await endpoint(t, async (peer, given) => {
      head = given
      t.equal(peer.unread.length, 0, 'no body yet')
      await peer.write('HTTP/1.1 100 Continue\r\n\r\n')
      await peer.write(answer((await peer.readUntil(5)).toString()))
    })
    const balancer = await startBalancer(t, [server.url])
    const client = await rawClient(t, balancer.port)
    await client.write(get('/', EXPECTING, 'POST'))
    t.equal((await client.readResponse()).status, 100)
    t.match(head, /\r\nExpect: 100-continue\r\n/)
    await client.write('abcde')
    t.equal((await final(client, 'POST')).body.toString(), 'abcde')
  },
)

await t.test(
  'a final answer instead of 100 ends the exchange, and the connection, for the body may still come',
  async t => {
    const server = await endpoint(t, async peer => peer.write(answer('no', '', '403 Forbidden')))
    const balancer = await startBalancer(t, [server.url])
    const client = await rawClient(t, balancer.port)
    await client.write(get('/', EXPECTING, 'POST'))
    const interim: HttpResponse[] = []
    const response = await final(client, 'POST', { interim })
    t.equal(response.status, 403)
    t.equal(interim.length, 0, 'no 100 of our own')
    t.equal(response.header('connection'), 'close')
    t.equal((await client.readAll()).length, 0)
  },
)

await t.test('a client that does not wait is served as well', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const response = await answerTo(t, balancer.port, `${get('/', EXPECTING, 'POST')}abcde${get('/next')}`, 'POST')
  t.equal(response.status, 200)
  t.equal(origin.seen[0]?.body.toString(), 'abcde')
})

await t.test('HTTP/1.0 knows no expectation: it is dropped, and no 100 is sent', async t => {
  const origin = await strictOrigin(t, (request, peer) => {
    void peer.write('HTTP/1.1 100 Continue\r\n\r\n')
    return answer(request.header('expect') ?? 'none')
  })
  const balancer = await startBalancer(t, [origin.url])
  const client = await rawClient(t, balancer.port)
  await client.write(`POST / HTTP/1.0\r\nHost: a\r\n${EXPECTING}\r\nabcde`)
  t.match((await client.readAll()).toString(), /^HTTP\/1\.1 200 [^]*\r\n\r\nnone$/)
})

await t.test('an expectation that nobody knows is answered with 417 (RFC 9110, 10.1.1)', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  for (const value of ['200-ok', '100-continue, x', 'x=y', '100-continue;q=1']) {
    const response = await answerTo(t, balancer.port, get('/', `Expect: ${value}\r\n`))
    t.equal(response.status, 417, value)
    t.match(problemOf(response), { code: 'LB_ERR_EXPECTATION' })
  }
  t.equal(origin.seen.length, 0)
})

await t.test('an expectation without a body has nothing to wait for', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  t.equal((await answerTo(t, balancer.port, get('/', 'Expect: 100-continue\r\n'))).status, 200)
  t.equal(origin.seen[0]?.header('expect'), undefined)
})

await t.test('while the client waits for 100 it is not too slow; the endpoint is, in the end', async t => {
  const server = await endpoint(t, async () => {})
  const balancer = await startBalancer(
    t,
    [server.url],
    ['--timeouts.rate-window-ms=60', '--timeouts.try-ms=300', '--timeouts.total-ms=300'],
  )
  const response = await answerTo(t, balancer.port, get('/', EXPECTING, 'POST'), 'POST')
  t.equal(response.status, 504)
})

await t.test('interim answers reach HTTP/1.1 clients in order: 103 and 102 as well', async t => {
  const server = await endpoint(t, async peer =>
    peer.write(
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${answer('done')}`,
    ),
  )
  const balancer = await startBalancer(t, [server.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/'))
  const interim: HttpResponse[] = []
  t.equal((await final(client, 'GET', { interim })).body.toString(), 'done')
  t.same(
    interim.map(({ status }) => status),
    [103, 102],
  )
  t.equal(interim[0]?.header('link'), '</a>')
  t.equal(interim[0]?.header('x-hop'), undefined)
})
