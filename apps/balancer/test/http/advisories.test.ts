// Advisories about proxies that no other file here is about; those about one message alone are in `packages/http1/test/advisories.test.ts`.
import { gzipSync } from 'node:zlib'
import { rawClient, rawServer, until, type RawPeer } from '@plimsoll/testing'
import t from 'tap'
import { answerTo, ask, final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

await t.test('CVE-2025-4366: a connection whose request body was not taken whole carries nobody else', async t => {
  const peers: RawPeer[] = []
  const server = await rawServer(t, async peer => {
    try {
      for (;;) {
        const head = (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1')
        peers.push(peer)
        await peer.write(answer(`answer to ${head.split(' ')[1]}`))
        // The body is never read: what follows it would be taken for it.
        if (head.startsWith('POST')) return
      }
    } catch {
      peer.end()
    }
  })
  const balancer = await startBalancer(t, [server.url])
  const body = get('/smuggled')
  const attacker = await rawClient(t, balancer.port)
  await attacker.write(`${get('/attack', `Content-Length: ${body.length}\r\n`, 'POST')}${body.slice(0, 10)}`)
  t.equal((await final(attacker, 'POST')).body.toString(), 'answer to /attack')
  t.equal((await answerTo(t, balancer.port, get('/victim'))).body.toString(), 'answer to /victim')
  await attacker.write(body.slice(10)).catch(() => {})
  await attacker.expectClosed()
  t.equal((await answerTo(t, balancer.port, get('/later'))).body.toString(), 'answer to /later')
  t.equal(peers.length, 3)
  t.not(peers[0], peers[1])
})

await t.test('CVE-2026-22036: nothing is decompressed, however many codings there are', async t => {
  const bomb = gzipSync(gzipSync(Buffer.alloc(5_000_000)))
  const origin = await strictOrigin(t, () =>
    Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`),
      bomb,
    ]),
  )
  const balancer = await startBalancer(t, [origin.url])
  const response = await answerTo(t, balancer.port, get('/', 'Accept-Encoding: gzip\r\n'))
  t.ok(response.body.equals(bomb))
  t.equal(response.header('content-encoding'), 'gzip, gzip')
  t.equal(origin.seen[0]?.header('accept-encoding'), 'gzip')
})

await t.test('CVE-2011-3192: a flood of ranges is one field like any other', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const ranges = `bytes=${Array.from({ length: 1000 }, (_, i) => `${i}-`).join(',')}`
  t.equal((await answerTo(t, balancer.port, get('/', `Range: ${ranges}\r\n`))).status, 200)
  t.equal(origin.seen[0]?.header('range'), ranges)
})

await t.test('GHSA-v574-6498-x57v: endpoints that read alike have connections of their own', async t => {
  const one = await strictOrigin(t, () => answer('one'))
  const two = await strictOrigin(t, () => answer('two'))
  const balancer = await startBalancer(t, [one.url, two.url, one.url.replace('127.0.0.1', '127.0.0.2')], [], {
    waitForAll: false,
  })
  await balancer.available(2)
  for (let i = 0; i < 6; i++) {
    const { answers } = await ask(t, balancer.port, get('/') + get('/'), ['GET', 'GET'])
    t.same(answers.map(({ body }) => body.toString()).toSorted(), ['one', 'two'])
  }
  t.equal(one.seen.length, two.seen.length)
})

await t.test(
  'an expectation that Connection takes away keeps nobody waiting at the expense of an endpoint',
  async t => {
    const origin = await strictOrigin(t)
    const balancer = await startBalancer(
      t,
      [origin.url],
      ['--timeouts.rate-window-ms=60', '--timeouts.try-ms=30000', '--limits.min-bytes-per-second=100'],
    )
    const client = await rawClient(t, balancer.port)
    await client.write(get('/', 'Connection: Expect\r\nExpect: 100-continue\r\nContent-Length: 5\r\n', 'POST'))
    t.equal((await final(client, 'POST')).status, 408, 'the client owes its body')
    await until(() => origin.partial.length === 1, { what: 'the origin to see that it was given up' })
    t.notMatch(origin.partial[0], /expect:/i)
  },
)

await t.test('an answer that comes late, to a client that has left, and is none besides, ends no process', async t => {
  const arrived = Promise.withResolvers<RawPeer>()
  const server = await rawServer(t, async peer => {
    const head = await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)
    if (head === null) return peer.end()
    if (head.includes('/left')) return arrived.resolve(peer)
    await peer.write(answer('alive'))
  })
  const balancer = await startBalancer(t, [server.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/left'))
  const peer = await arrived.promise
  client.reset()
  await peer.write('HTTP/1.1 000 Late\r\n\r\n').catch(() => {})
  await peer.write(answer('late')).catch(() => {})
  await peer.expectClosed()
  t.equal((await answerTo(t, balancer.port, get('/'))).body.toString(), 'alive')
})
