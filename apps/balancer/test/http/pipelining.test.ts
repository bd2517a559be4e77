// Several requests in one go over one connection: answered one after the other, in order, whole; a bad tail never costs a good answer.
import t from 'tap'
import { rawClient, until } from '@plimsoll/testing'
import { answerTo, ask, final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, echo, strictOrigin, type SeenRequest } from '../strict-origin.ts'

const held: (() => void)[] = []
const origin = await strictOrigin(t, async (request, peer) => {
  if (request.target === '/held') await new Promise<void>(resolve => held.push(resolve))
  if (request.target === '/close') return answer('closing', 'Connection: close\r\n')
  if (request.target === '/large') return answer('x'.repeat(300_000))
  return echo(request, peer)
})
const balancer = await startBalancer(t, [origin.url])
const bodies = (answers: { body: Buffer }[]) => answers.map(({ body }) => body.toString())

await t.test('requests in one segment are answered in order', async t => {
  const targets = Array.from({ length: 20 }, (_, i) => `/${i}`)
  const { answers } = await ask(
    t,
    balancer.port,
    targets.map(target => get(target)).join(''),
    targets.map(() => 'GET'),
  )
  t.same(
    bodies(answers),
    targets.map(target => `GET ${target} `),
  )
})

await t.test('they are answered in order also when the first is slow and the others would be fast', async t => {
  const client = await rawClient(t, balancer.port)
  await client.write(get('/held') + get('/b') + get('/c'))
  await until(() => held.length === 1, { what: 'the first to arrive' })
  t.equal(client.unread.length, 0)
  held.pop()?.()
  for (const target of ['/held', '/b', '/c']) t.equal((await final(client)).body.toString(), `GET ${target} `)
})

await t.test('requests behind a body, by length and in chunks, are found where the body ends', async t => {
  const { answers } = await ask(
    t,
    balancer.port,
    `${get('/a', 'Content-Length: 5\r\n', 'POST')}abcde${get('/b')}${get('/c', 'Transfer-Encoding: chunked\r\n', 'PUT')}3\r\nxyz\r\n0\r\n\r\n${get('/d')}`,
    ['POST', 'GET', 'PUT', 'GET'],
  )
  t.same(bodies(answers), ['POST /a ', 'GET /b ', 'PUT /c ', 'GET /d '])
  t.same(
    origin.seen.slice(-4).map(({ body }) => body.toString()),
    ['abcde', '', 'xyz', ''],
  )
})

for (const [name, tail] of [
  ['a line that is no request', 'nonsense\r\n\r\n'],
  ['conflicting lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ['length and chunks', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['a folded field', 'GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n'],
] as const) {
  await t.test(`a bad tail comes after the good answers: ${name}`, async t => {
    const client = await rawClient(t, balancer.port)
    await client.write(get('/one') + get('/large') + get('/three') + tail)
    t.equal((await final(client)).body.toString(), 'GET /one ')
    t.equal((await final(client)).body.length, 300_000)
    t.equal((await final(client)).body.toString(), 'GET /three ')
    const last = await final(client)
    t.equal(last.status, 400)
    t.equal(last.header('connection'), 'close')
    client.end()
    t.equal((await client.readAll()).length, 0)
  })
}

await t.test('a request that ends the connection is the last that is answered (RFC 9112, 9.6)', async t => {
  const before = origin.seen.length
  const client = await rawClient(t, balancer.port)
  await client.write(get('/one') + get('/two', 'Connection: close\r\n') + get('/three'))
  t.equal((await final(client)).body.toString(), 'GET /one ')
  const last = await final(client)
  t.equal(last.body.toString(), 'GET /two ')
  t.equal(last.header('connection'), 'close')
  t.equal((await client.readAll()).length, 0)
  t.equal(origin.seen.length, before + 2, 'the third never reached the origin')
})

await t.test("an endpoint's Connection: close ends its connection, not the client's", async t => {
  const { answers } = await ask(t, balancer.port, get('/close') + get('/two'), ['GET', 'GET'])
  t.same(bodies(answers), ['closing', 'GET /two '])
  t.equal(answers[0]?.header('connection'), undefined)
})

await t.test('the answer to HEAD has no body, and the next answer begins behind its head', async t => {
  const { answers } = await ask(t, balancer.port, get('/a', '', 'HEAD') + get('/b'), ['HEAD', 'GET'])
  t.equal(answers[0]?.header('content-length'), 'HEAD /a '.length.toString())
  t.same(bodies(answers), ['', 'GET /b '])
})

await t.test('more than is kept waits in the kernel, and all of it is answered', async t => {
  const count = 1000
  const client = await rawClient(t, balancer.port)
  void client.write(Array.from({ length: count }, (_, i) => get(`/${i}`, `X-Fill: ${'a'.repeat(200)}\r\n`)).join(''))
  for (let i = 0; i < count; i++) {
    const { body } = await final(client)
    if (body.toString() !== `GET /${i} `) t.fail(`answer ${i} is ${body.toString()}`)
  }
  t.pass('all in order')
})

for (const [name, request, status] of [
  ["answers of the endpoint's", get('/large'), 200],
  ['answers of our own', get('/', 'Expect: nonsense\r\n'), 417],
] as const) {
  await t.test(`a client that sends and sends and reads nothing is not read on: ${name} don't pile up`, async t => {
    const count = 20_000
    const begun = async () =>
      Number(
        new RegExp(`^lb_requests_total\\{.*code="${status}"\\} (\\d+)$`, 'm').exec(
          await (await fetch(`${balancer.adminUrl}/metrics`)).text(),
        )?.[1] ?? 0,
      )
    const before = await begun()
    const client = await rawClient(t, balancer.port)
    client.pause()
    void client.write(request.repeat(count)).catch(() => {})
    let last = -1
    // It stands still when no more is begun.
    await until(async () => last === (last = await begun()), {
      what: 'no more to be begun',
      intervalMs: 150,
      timeoutMs: 15_000,
    })
    t.ok(last - before < count, `${last - before} of ${count}`)
    client.resume()
    for (let i = 0; i < 50; i++) t.equal((await final(client)).status, status)
    client.release()
  })
}

await t.test('two clients at once: no byte of one reaches the other', async t => {
  const marks = ['one', 'two', 'three', 'four']
  await Promise.all(
    marks.map(async mark => {
      const client = await rawClient(t, balancer.port)
      for (let round = 0; round < 20; round++) {
        await client.write(
          get(`/${mark}/${round}`, `X-T: ${mark}\r\n`) +
            `${get(`/${mark}/${round}`, `X-T: ${mark}\r\nContent-Length: ${mark.length}\r\n`, 'POST')}${mark}`,
        )
        t.equal((await final(client)).body.toString(), `GET /${mark}/${round} ${mark}`)
        t.equal((await final(client)).body.toString(), `POST /${mark}/${round} ${mark}`)
      }
    }),
  )
  const strays = (request: SeenRequest) =>
    request.method === 'POST' &&
    marks.includes(request.header('x-t') ?? '') &&
    request.body.toString() !== request.header('x-t')
  t.equal(origin.seen.filter(strays).length, 0)
})

await t.test('a client that says close gets close, and its connection ends', async t => {
  const { client, answers } = await ask(t, balancer.port, get('/', 'Connection: close\r\n'))
  t.equal(answers[0]?.header('connection'), 'close')
  t.equal((await client.readAll()).length, 0)
  t.equal(
    (await answerTo(t, balancer.port, get('/', 'Connection: keep-alive, close\r\n'))).header('connection'),
    'close',
  )
})
