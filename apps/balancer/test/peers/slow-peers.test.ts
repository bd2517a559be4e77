// Peers that keep to the letter of HTTP and drip: slowloris (heads), R-U-Dead-Yet (bodies), slow read (answers), slow endpoints.
// With a window of 100 ms and 2,000 bytes/s a client has to move 200 bytes per window.
import t from 'tap'
import { rawClient, rawServer, until } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, echo, strictOrigin } from '../strict-origin.ts'

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const WATCHED = [
  '--limits.min-bytes-per-second=2000',
  '--timeouts.rate-window-ms=100',
  '--timeouts.request-head-ms=300',
]
const LARGE = 20_000_000

const origin = await strictOrigin(t, async (request, peer) => {
  if (request.target === '/large') return answer('x'.repeat(LARGE))
  if (request.target === '/slow') {
    await peer.write(`HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n`)
    for (let i = 0; i < 10; i++) {
      await pause(50)
      await peer.write('y')
    }
    return undefined
  }
  if (request.target === '/later') await pause(500)
  return echo(request, peer)
})
const balancer = await startBalancer(t, [origin.url], WATCHED)

for (const before of ['', get('/')]) {
  const where = before
    ? 'on a connection that was used before (CVE-2019-5737)'
    : 'on a fresh connection (CVE-2018-12122)'
  await t.test(`slowloris ${where}: a head that drips is answered with 408`, async t => {
    const client = await rawClient(t, balancer.port)
    if (before) {
      await client.write(before)
      t.equal((await final(client)).status, 200)
    }
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n')
    const dripping = (async () => {
      for (let i = 0; client.state === 'open' && i < 100; i++) {
        await client.write(`X-${i}: y\r\n`).catch(() => {})
        await pause(20)
      }
    })()
    t.equal((await final(client)).status, 408)
    await client.expectClosed()
    await dripping
  })
}

for (const [name, fields, drip] of [
  ['by length', 'Content-Length: 100000\r\n', 'x'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n', '1\r\nx\r\n'],
  ['in chunk extensions', 'Transfer-Encoding: chunked\r\n', '1;a=b;c=d;e=f;g=h;i=j;k=l\r\nx\r\n'],
] as const) {
  await t.test(
    `R-U-Dead-Yet: a body that drips ${name} is answered with 408, and never whole at the endpoint`,
    async t => {
      const before = origin.seen.length
      const client = await rawClient(t, balancer.port)
      await client.write(get('/', fields, 'POST'))
      const dripping = (async () => {
        for (let i = 0; client.state === 'open' && i < 200; i++) {
          await client.write(drip).catch(() => {})
          await pause(10)
        }
      })()
      const response = await final(client, 'POST')
      t.equal(response.status, 408)
      t.match(problemOf(response), { code: 'LB_ERR_REQUEST_TIMEOUT' })
      await dripping
      t.equal(origin.seen.length, before)
    },
  )
}

await t.test('a body that stalls is answered with 408', async t => {
  const client = await rawClient(t, balancer.port)
  await client.write(`${get('/', 'Content-Length: 1000\r\n', 'POST')}${'x'.repeat(999)}`)
  t.equal((await final(client, 'POST')).status, 408)
})

await t.test('a body that comes fast enough is not, however long it takes', async t => {
  const client = await rawClient(t, balancer.port)
  await client.write(get('/', 'Content-Length: 20000\r\n', 'POST'))
  for (let i = 0; i < 20; i++) {
    await client.write('x'.repeat(1000))
    await pause(20)
  }
  t.equal((await final(client, 'POST')).status, 200)
})

await t.test('a client that waits for its answer is not slow, and neither is one whose answer is', async t => {
  t.equal((await answerTo(t, balancer.port, get('/later'))).status, 200)
  t.equal((await answerTo(t, balancer.port, get('/slow'))).body.toString(), 'y'.repeat(10))
})

await t.test(
  'slow read: a client that does not read its answer is cut, with or without a request body before',
  async t => {
    for (const request of [get('/large'), `${get('/large', 'Content-Length: 3\r\n', 'POST')}abc`]) {
      const client = await rawClient(t, balancer.port)
      client.pause()
      await client.write(request + get('/never'))
      const active = async () =>
        /^lb_requests_active (\d+)$/m.exec(await (await fetch(`${balancer.adminUrl}/metrics`)).text())?.[1]
      await until(async () => (await active()) === '1', { what: 'the answer to begin', intervalMs: 5 })
      await until(async () => (await active()) === '0', { what: 'the client to be cut' })
      client.resume()
      t.equal(await client.expectClosed(), 'reset')
      t.ok(client.unread.length < LARGE)
      t.equal(
        origin.seen.filter(({ target }) => target === '/never').length,
        0,
        'what it asked for besides is not begun',
      )
    }
  },
)

await t.test('slow read: one that reads steadily gets all of it', async t => {
  // A window in which the system gives nobody any time must not count.
  const patient = await startBalancer(
    t,
    [origin.url],
    ['--limits.min-bytes-per-second=2000', '--timeouts.rate-window-ms=500'],
  )
  const client = await rawClient(t, patient.port)
  client.pause()
  await client.write(get('/large'))
  let got = 0
  client.socket.removeAllListeners('data')
  while (got < LARGE && !client.socket.destroyed) {
    const piece = client.socket.read() as Buffer | null
    if (piece) got += piece.length
    await pause(2)
  }
  t.ok(got >= LARGE, `${got} bytes`)
})

await t.test('slow endpoints cost nobody else anything', async t => {
  const dripping = await rawServer(t, async peer => {
    if (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null))
      await peer.writeSlowly(answer('z'.repeat(20)), { pauseMs: 10 })
  })
  const other = await startBalancer(t, [dripping.url], WATCHED)
  const slow = answerTo(t, other.port, get('/'))
  for (let i = 0; i < 10; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  t.equal((await slow).body.toString(), 'z'.repeat(20))
})
