// What the balancer itself answers: problem details (RFC 9457) with a code, a source and a request id; and what they don't tell.
import t from 'tap'
import { rawServer } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { BALANCER_ERRORS } from '../../src/index.ts'
import { startBalancer } from '../start-balancer.ts'
import { strictOrigin } from '../strict-origin.ts'

await t.test('a problem has its code, status, source, title, detail, instance and request id', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const response = await answerTo(t, balancer.port, get('/some/where', 'Expect: x\r\n'))
  t.equal(response.header('content-type'), 'application/problem+json')
  t.equal(response.header('cache-control'), 'no-store')
  t.match(response.header('date'), /GMT$/)
  const problem = problemOf(response)
  t.match(problem, {
    type: 'urn:plimsoll:problem:lb-err-expectation',
    title: BALANCER_ERRORS.LB_ERR_EXPECTATION.message,
    status: 417,
    code: 'LB_ERR_EXPECTATION',
    source: 'client',
    instance: '/some/where',
    requestId: response.header('x-request-id'),
  })
  t.equal(response.header('content-length'), String(response.body.length))
})

await t.test('a request that was not even read has a request id, and is counted', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const response = await answerTo(t, balancer.port, 'nonsense\r\n\r\n')
  t.equal(response.status, 400)
  t.equal(problemOf(response)['requestId'], response.header('x-request-id'))
  const metrics = await (await fetch(`${balancer.adminUrl}/metrics`)).text()
  t.match(metrics, /^lb_requests_total\{route="default",method="other",code="400"\} 1$/m)
  t.match(metrics, /^lb_errors_total\{code="LB_ERR_BAD_REQUEST"\} 1$/m)
})

await t.test('nothing of what a client sent can break out of a problem', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const response = await answerTo(t, balancer.port, get("/a{b}'|?c=^[x]", 'Expect: x\r\n'))
  t.equal(problemOf(response)['instance'], "/a{b}'|?c=^[x]")
})

await t.test('502, 503 and 504 mean different things and say why; no address of an endpoint is told', async t => {
  const gone = await rawServer(t)
  const balancer = await startBalancer(
    t,
    [gone.url],
    ['--health.interval-ms=60000', '--health.changing-interval-ms=60000'],
  )
  await gone.close()
  const connect = await answerTo(t, balancer.port, get('/'))
  t.match(problemOf(connect), {
    status: 502,
    code: 'LB_ERR_UPSTREAM_CONNECT',
    source: 'upstream',
    detail: 'ECONNREFUSED.',
  })
  // The refused connection took the endpoint out.
  const nobody = await answerTo(t, balancer.port, get('/'))
  t.match(problemOf(nobody), { status: 503, code: 'LB_ERR_NO_ENDPOINT', source: 'upstream', retryAfterS: 1 })
  t.equal(nobody.header('retry-after'), '1')
  const silent = await rawServer(t, async peer => {
    await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => {})
  })
  const slow = await startBalancer(t, [silent.url], ['--timeouts.try-ms=50', '--timeouts.total-ms=50'])
  const late = await answerTo(t, slow.port, get('/'))
  t.match(problemOf(late), { status: 504, code: 'LB_ERR_UPSTREAM_TIMEOUT', source: 'upstream' })
  for (const response of [connect, nobody, late]) t.notMatch(response.body.toString(), '127.0.0.1')
})

await t.test('a client whose connection lives after a refusal can go on', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const { rawClient } = await import('@plimsoll/testing')
  const client = await rawClient(t, balancer.port)
  await client.write(get('/', 'Expect: x\r\n') + get('/next'))
  t.equal((await final(client)).status, 417)
  t.equal((await final(client)).body.toString(), 'GET /next ')
})
