// How much a client may send: heads, targets, fields, bodies. Each limit is refused with its status, and one below it passes.
import t, { type Test } from 'tap'
import { rawClient, rawServer } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { strictOrigin } from '../strict-origin.ts'

const LIMITS = [
  '--limits.max-head-bytes=2048',
  '--limits.max-headers=20',
  '--limits.max-target-bytes=512',
  '--limits.max-body-bytes=1000',
  '--limits.max-trailer-bytes=200',
  '--limits.max-trailers=3',
]
const origin = await strictOrigin(t)
const balancer = await startBalancer(t, [origin.url], LIMITS)

async function refused(t: Test, bytes: string, status: number, code: string): Promise<void> {
  const before = origin.seen.length
  const client = await rawClient(t, balancer.port)
  void client.write(bytes)
  const response = await final(client, 'POST')
  t.equal(response.status, status)
  t.match(problemOf(response), { status, code, source: 'client' })
  t.equal(response.header('connection'), 'close')
  client.end()
  t.equal((await client.readAll()).length, 0)
  t.equal(origin.seen.length, before, 'nothing reached the origin as a whole request')
}

await t.test('a head of exactly the limit passes, one byte more is refused with 431', async t => {
  const filled = (size: number) => {
    const empty = get('/', 'X-Fill: \r\n')
    return get('/', `X-Fill: ${'x'.repeat(size - empty.length)}\r\n`)
  }
  t.equal((await answerTo(t, balancer.port, filled(2048))).status, 200)
  await refused(t, filled(2049), 431, 'LB_ERR_HEAD_TOO_LARGE')
})

await t.test('a flood of fields is refused with 431', async t => {
  t.equal((await answerTo(t, balancer.port, get('/', 'A: b\r\n'.repeat(19)))).status, 200)
  await refused(t, get('/', 'A: b\r\n'.repeat(20)), 431, 'LB_ERR_HEAD_TOO_LARGE')
})

await t.test('a head without an end is refused as soon as it is too large', async t => {
  await refused(t, `GET / HTTP/1.1\r\nHost: a.test\r\nX: ${'x'.repeat(100_000)}`, 431, 'LB_ERR_HEAD_TOO_LARGE')
  await refused(t, `GET / HTTP/1.1\r\n${'a'.repeat(100_000)}`, 431, 'LB_ERR_HEAD_TOO_LARGE')
})

await t.test('a target of exactly the limit passes, a longer one is refused with 414', async t => {
  t.equal((await answerTo(t, balancer.port, get(`/${'x'.repeat(511)}`))).status, 200)
  await refused(t, get(`/${'x'.repeat(512)}`), 414, 'LB_ERR_HEAD_TOO_LARGE')
  await refused(t, `GET /${'x'.repeat(600)}`, 414, 'LB_ERR_HEAD_TOO_LARGE')
})

await t.test('a method that is longer than any is refused with 501', async t => {
  await refused(t, get('/', '', 'M'.repeat(33)), 501, 'LB_ERR_BAD_REQUEST')
})

await t.test('a body that announces too much is refused with 413 before any of it is read', async t => {
  await refused(t, get('/', 'Content-Length: 1001\r\n', 'POST'), 413, 'LB_ERR_BODY_TOO_LARGE')
  const response = await answerTo(
    t,
    balancer.port,
    `${get('/', 'Content-Length: 1000\r\n', 'POST')}${'x'.repeat(1000)}`,
  )
  t.equal(response.status, 200)
})

await t.test('a chunked body that grows too large is refused with 413, and never ends at the origin', async t => {
  const chunk = `64\r\n${'x'.repeat(100)}\r\n`
  const head = get('/', 'Transfer-Encoding: chunked\r\n', 'POST')
  t.equal((await answerTo(t, balancer.port, `${head}${chunk.repeat(10)}0\r\n\r\n`)).status, 200)
  await refused(t, `${head}${chunk.repeat(11)}0\r\n\r\n`, 413, 'LB_ERR_BODY_TOO_LARGE')
  await refused(t, `${head}fffffff\r\n`, 413, 'LB_ERR_BODY_TOO_LARGE')
})

await t.test('a trailer section that is too large is refused with 431', async t => {
  const head = `${get('/', 'Transfer-Encoding: chunked\r\n', 'POST')}1\r\nx\r\n0\r\n`
  t.equal((await answerTo(t, balancer.port, `${head}A: b\r\nB: c\r\nC: d\r\n\r\n`)).status, 200)
  await refused(t, `${head}A: b\r\nB: c\r\nC: d\r\nD: e\r\n\r\n`, 431, 'LB_ERR_HEAD_TOO_LARGE')
  await refused(t, `${head}A: ${'b'.repeat(300)}\r\n\r\n`, 431, 'LB_ERR_HEAD_TOO_LARGE')
})

await t.test('empty lines in front of a request are skipped, but not without end (RFC 9112, 2.2)', async t => {
  t.equal((await answerTo(t, balancer.port, `\r\n\r\n${get('/')}`)).status, 200)
  await refused(t, `\r\n\r\n\r\n${get('/')}`, 400, 'LB_ERR_BAD_REQUEST')
})

await t.test('a Connection field that names a hundred fields is refused', async t => {
  const names = Array.from({ length: 100 }, (_, i) => `x${i}`).join(',')
  await refused(t, get('/', `Connection: ${names}\r\n`), 400, 'LB_ERR_BAD_REQUEST')
})

await t.test('an answer is held to the limits of a head as well, and becomes 502', async t => {
  for (const head of [
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(3000)}`,
    `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(21)}\r\n`,
    `HTTP/1.1 200 ${'reason '.repeat(1000)}`,
  ]) {
    const endless = await rawServer(t, async peer => {
      await peer.readUntil('\r\n\r\n').then(
        () => peer.write(head),
        () => {},
      )
    })
    const other = await startBalancer(t, [endless.url], LIMITS)
    const response = await answerTo(t, other.port, get('/'))
    t.equal(response.status, 502)
    t.match(problemOf(response), { code: 'LB_ERR_UPSTREAM_INVALID', source: 'upstream' })
  }
})
