// The balancer as its users meet it: real sockets in front, real servers and scripted peers behind.
import { createServer, type RequestListener } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { rawClient, rawServer, until, type RawPeer } from '@plimsoll/testing'
import { startBalancer } from './start-balancer.ts'

/** An HTTP server that says its name, unless the listener does otherwise. */
async function upstream(
  t: Test,
  name: string,
  listener?: RequestListener,
): Promise<{ url: string; requests: () => number; close(): Promise<void> }> {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    if (listener) listener(request, response)
    else response.end(name)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.teardown(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests, close }
}

/** The head of the request that comes over this connection; null when it was a health check, which only connects. */
async function requestHead(peer: RawPeer): Promise<string | null> {
  try {
    return (await peer.readUntil('\r\n\r\n')).toString('latin1')
  } catch (error) {
    if (peer.state === 'open' || peer.unread.length > 0) throw error
    return null
  }
}

const problemOf = async (response: Response) => (await response.json()) as Record<string, unknown>

await t.test('requests take turns over the endpoints', async t => {
  const balancer = await startBalancer(t, [(await upstream(t, 'a')).url, (await upstream(t, 'b')).url])
  const answers: string[] = []
  for (let i = 0; i < 4; i++) answers.push(await (await fetch(balancer.url)).text())
  t.same(answers.toSorted(), ['a', 'a', 'b', 'b'])
})

await t.test('method, target, fields and bodies pass in both directions, whole', async t => {
  const behind = await upstream(t, 'echo', (request, response) => {
    response.writeHead(201, {
      'x-saw': `${request.method} ${request.url}`,
      'x-type': request.headers['content-type'] ?? '',
    })
    request.pipe(response)
  })
  const balancer = await startBalancer(t, [behind.url])
  const body = Buffer.alloc(3_000_000, 'plimsoll ')
  const response = await fetch(`${balancer.url}/a/b?c=d%20e`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'x/y' },
  })
  t.equal(response.status, 201)
  t.equal(response.headers.get('x-saw'), 'POST /a/b?c=d%20e')
  t.equal(response.headers.get('x-type'), 'x/y')
  t.ok(Buffer.from(await response.arrayBuffer()).equals(body))
})

await t.test('an endpoint sees who the client is, and not what the client claims', async t => {
  const behind = await upstream(t, 'fields', (request, response) => response.end(JSON.stringify(request.headers)))
  const balancer = await startBalancer(t, [behind.url])
  const response = await fetch(balancer.url, {
    headers: { 'x-forwarded-for': '203.0.113.9', 'x-request-id': 'mine', 'x-real-ip': '203.0.113.9' },
  })
  const seen = (await response.json()) as Record<string, string>
  t.equal(seen['x-forwarded-for'], '127.0.0.1')
  t.equal(seen['x-forwarded-proto'], 'http')
  t.equal(seen['x-real-ip'], undefined)
  t.not(seen['x-request-id'], 'mine')
  t.equal(response.headers.get('x-request-id'), seen['x-request-id'])
})

await t.test('without an endpoint a client gets a 503 that says why and when to come back', async t => {
  const gone = await upstream(t, 'gone')
  await gone.close()
  const balancer = await startBalancer(t, [gone.url], [], { waitForAll: false })
  const response = await fetch(`${balancer.url}/x`)
  t.equal(response.status, 503)
  t.equal(response.headers.get('content-type'), 'application/problem+json')
  t.equal(response.headers.get('retry-after'), '1')
  const problem = await problemOf(response)
  t.match(problem, { code: 'LB_ERR_NO_ENDPOINT', status: 503, source: 'upstream', instance: '/x' })
  t.match(problem['detail'], /starting|down/)
})

await t.test(
  'a GET whose endpoint dies before it answers is answered by another; a POST is not sent twice',
  async t => {
    const dying = await rawServer(t, async peer => {
      if (await requestHead(peer)) peer.reset()
    })
    let posts = 0
    const good = await upstream(t, 'good', (request, response) => {
      if (request.method === 'POST') posts++
      response.end('good')
    })
    const balancer = await startBalancer(t, [dying.url, good.url])
    for (let i = 0; i < 6; i++) t.equal(await (await fetch(balancer.url)).text(), 'good')
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) {
      const response = await fetch(balancer.url, { method: 'POST', body: 'x' })
      statuses.push(response.status)
      if (response.status !== 200)
        t.match(await problemOf(response), { code: 'LB_ERR_UPSTREAM_CLOSED', source: 'upstream' })
      else await response.text()
    }
    t.ok(statuses.includes(502), 'a POST that may have been carried out fails')
    t.equal(posts, statuses.filter(status => status === 200).length)
  },
)

await t.test('a POST that could not be connected is sent elsewhere: nothing was sent', async t => {
  const doomed = await upstream(t, 'doomed')
  const good = await upstream(t, 'good')
  const balancer = await startBalancer(t, [doomed.url, good.url], ['--health.interval-ms=60000'])
  await doomed.close()
  for (let i = 0; i < 4; i++) {
    const response = await fetch(balancer.url, { method: 'POST', body: 'x'.repeat(1000) })
    t.equal(response.status, 200)
    t.equal(await response.text(), 'good')
  }
})

await t.test('an endpoint that says nothing is given up after its time, with 504', async t => {
  const silent = await rawServer(t, async peer => {
    await requestHead(peer)
  })
  const balancer = await startBalancer(t, [silent.url], ['--timeouts.try-ms=100', '--timeouts.total-ms=300'])
  const response = await fetch(balancer.url)
  t.equal(response.status, 504)
  t.match(await problemOf(response), { code: 'LB_ERR_UPSTREAM_TIMEOUT', source: 'upstream' })
})

await t.test('an answer that breaks off is seen to break off by the client, and is never sent again', async t => {
  let connections = 0
  const breaking = await rawServer(t, async peer => {
    if (!(await requestHead(peer))) return
    connections++
    await peer.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this much')
    peer.reset()
  })
  const balancer = await startBalancer(t, [breaking.url])
  await t.rejects(fetch(balancer.url).then(response => response.text()))
  t.equal(connections, 1)
})

await t.test('what is no HTTP from an endpoint becomes 502', async t => {
  const odd = await rawServer(t, async peer => {
    if (!(await requestHead(peer))) return
    await peer.write('SSH-2.0-OpenSSH_9\r\n\r\n')
    peer.socket.end()
  })
  const balancer = await startBalancer(t, [odd.url])
  const response = await fetch(balancer.url)
  t.equal(response.status, 502)
  t.match(await problemOf(response), { code: 'LB_ERR_UPSTREAM_INVALID' })
})

await t.test('CONNECT and TRACE are refused', async t => {
  const behind = await upstream(t, 'a')
  const balancer = await startBalancer(t, [behind.url])
  const client = await rawClient(t, balancer.port)
  await client.write('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n')
  const response = await client.readResponse()
  t.equal(response.status, 501)
  t.match(response.body.toString(), /LB_ERR_METHOD_REFUSED/)
  t.equal(behind.requests(), 0)
})

await t.test('an endpoint that fails its checks gets nothing until it passes them again', async t => {
  let ready = true
  const flapping = await upstream(t, 'flapping', (request, response) => {
    response.statusCode = request.url === '/ready' && !ready ? 503 : 200
    response.end('flapping')
  })
  const steady = await upstream(t, 'steady')
  const balancer = await startBalancer(t, [flapping.url, steady.url], ['--health.path=/ready'])
  ready = false
  await balancer.available(1)
  for (let i = 0; i < 4; i++) t.equal(await (await fetch(balancer.url)).text(), 'steady')
  const health = (await (await fetch(`${balancer.adminUrl}/health`)).json()) as { endpoints: { why: string | null }[] }
  t.match(health.endpoints[0]?.why, /down: \d+ checks failed, the last: GET \/ready answered 503/)
  ready = true
  await balancer.available(2)
})

await t.test('an endpoint may be a Unix socket, for requests and for checks', async t => {
  // Not below the checkout: the path of a socket is short.
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-balancer-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socketPath = path.join(folder, 'a.sock')
  const server = createServer((request, response) => response.end(request.url))
  await new Promise<void>(resolve => server.listen(socketPath, resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const balancer = await startBalancer(t, [`unix:${socketPath}`], ['--health.path=/ready'])
  t.equal(await (await fetch(`${balancer.url}/hello`)).text(), '/hello')
})

await t.test('endpoints come and go with the file that lists them', async t => {
  const a = await upstream(t, 'a')
  const b = await upstream(t, 'b')
  const file = path.join(t.testdir(), 'endpoints.json')
  const write = async (...endpoints: object[]) => {
    await writeFile(`${file}.new`, JSON.stringify({ format: 1, sequence: 1, endpoints }))
    await rename(`${file}.new`, file)
  }
  await write({ id: 'a', url: a.url })
  const balancer = await startBalancer(t, [], [`--discovery.file=${file}`, '--discovery.poll-ms=50'])
  await balancer.available(1)
  t.equal(await (await fetch(balancer.url)).text(), 'a')
  await write({ id: 'a', url: a.url, state: 'draining' }, { id: 'b', url: b.url })
  await until(async () => (await (await fetch(balancer.url)).text()) === 'b', { what: 'b to take over' })
  for (let i = 0; i < 4; i++) t.equal(await (await fetch(balancer.url)).text(), 'b')
})

await t.test('a client that leaves takes its request with it', async t => {
  const asked = Promise.withResolvers<RawPeer>()
  const slow = await rawServer(t, async peer => {
    if (await requestHead(peer)) asked.resolve(peer)
  })
  const balancer = await startBalancer(t, [slow.url])
  const client = await rawClient(t, balancer.port)
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const peer = await asked.promise
  client.reset()
  await until(() => peer.state !== 'open', { what: 'the request at the endpoint to be given up' })
  t.pass('the connection to the endpoint was closed')
})

await t.test('a drain answers what is under way, then closes', async t => {
  const answers: (() => void)[] = []
  const slow = await upstream(t, 'slow', (_request, response) => answers.push(() => response.end('done')))
  const balancer = await startBalancer(t, [slow.url])
  const underWay = fetch(balancer.url)
  await until(() => answers.length === 1, { what: 'the request to arrive' })
  const stopped = balancer.stop()
  await until(async () => (await fetch(`${balancer.adminUrl}/health`)).status === 503, { what: 'health to fail' })
  answers[0]?.()
  t.equal(await (await underWay).text(), 'done')
  t.equal(await stopped, 0)
  await t.rejects(fetch(balancer.url))
})

await t.test('what is not finished when the drain ends is cut, and counted', async t => {
  const silent = await rawServer(t, async peer => {
    await requestHead(peer)
  })
  const balancer = await startBalancer(t, [silent.url], ['--shutdown.drain-ms=50'])
  const client = await rawClient(t, balancer.port)
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(async () => /lb_requests_active 1/.test(await (await fetch(`${balancer.adminUrl}/metrics`)).text()), {
    what: 'the request to be under way',
  })
  t.equal(await balancer.stop(), 1)
})

await t.test('the admin API: metrics for all, details for whoever has the token, 404 and 405 where due', async t => {
  const behind = await upstream(t, 'a')
  const balancer = await startBalancer(t, [behind.url], ['--admin-token=secret'])
  await (await fetch(balancer.url)).text()
  const metrics = await fetch(`${balancer.adminUrl}/metrics`)
  t.match(metrics.headers.get('content-type'), 'text/plain; version=0.0.4')
  const text = await metrics.text()
  t.match(text, /^lb_requests_total\{route="default",method="GET",code="200"\} 1$/m)
  t.match(text, /^lb_upstream_up\{server="http:\/\/127\.0\.0\.1:\d+"\} 1$/m)
  t.match(text, /^lb_process_cpu_seconds_total /m)
  t.equal((await fetch(`${balancer.adminUrl}/admin/upstreams`)).status, 401)
  t.equal(
    (await fetch(`${balancer.adminUrl}/admin/upstreams`, { headers: { authorization: 'Bearer wrong' } })).status,
    401,
  )
  const listed = await fetch(`${balancer.adminUrl}/admin/upstreams`, { headers: { authorization: 'Bearer secret' } })
  t.match(await listed.json(), [
    { url: behind.url, observed: { health: 'up' }, requests: { total: 1 }, available: true, why: null },
  ])
  t.equal((await fetch(`${balancer.adminUrl}/nothing`)).status, 404)
  t.equal((await fetch(`${balancer.adminUrl}/health`, { method: 'POST' })).status, 405)
})
