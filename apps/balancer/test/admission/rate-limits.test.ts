// Limits by client address, through real sockets: who is counted as whom, what the refused are told, and that nobody behind sees anything of them.
import { rawClient, until, type HttpResponse } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { answerTo, ask, final, get, problemOf } from '../conversation.ts'
import { startBalancer, type RunningBalancer } from '../start-balancer.ts'
import { answer, echo, strictOrigin, type Answerer } from '../strict-origin.ts'

const LIMITED = ['--rate-limit.enabled=true', '--health.interval-ms=60000']

async function limited(t: Test, flags: readonly string[], answerer: Answerer = echo) {
  const origin = await strictOrigin(t, answerer)
  const balancer = await startBalancer(t, [origin.url], [...LIMITED, ...flags])
  const status = async (target: string, fields = '') => {
    const { client, answers } = await ask(t, balancer.port, get(target, fields))
    client.end()
    return (answers[0] as HttpResponse).status
  }
  return { origin, balancer, status }
}

async function metricsOf(balancer: RunningBalancer, pattern: RegExp): Promise<string[]> {
  const text = await (await fetch(`${balancer.adminUrl}/metrics`)).text()
  return text.split('\n').filter(line => pattern.test(line))
}

await t.test('by default nobody is limited, and nothing is told', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url], ['--rate-limit.overall-limit=1'])
  for (let i = 0; i < 3; i++) {
    const response = await answerTo(t, balancer.port, get('/'))
    t.equal(response.status, 200)
    t.equal(response.header('ratelimit'), undefined)
    t.equal(response.header('ratelimit-policy'), undefined)
  }
  t.same(await metricsOf(balancer, /^lb_rate_limit/), [])
})

await t.test('who has had its share is refused before anybody is asked, and told when to come back', async t => {
  const { origin, balancer } = await limited(t, [
    '--rate-limit.overall-limit=2',
    '--rate-limit.overall-window-ms=90000',
  ])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/1') + get('/2') + get('/3') + get('/4', '', 'HEAD'))
  const first = await final(client)
  t.equal(first.status, 200)
  t.equal(first.header('ratelimit-policy'), '"overall";q=2;w=90')
  t.match(first.header('ratelimit'), /^"overall";r=1;t=(89|90)$/)
  t.match((await final(client)).header('ratelimit'), /^"overall";r=0;t=(89|90)$/)
  const refused = await final(client)
  t.equal(refused.status, 429)
  t.equal(refused.reason, 'Too Many Requests')
  const waitS = Number(refused.header('retry-after'))
  t.ok(waitS > 80 && waitS <= 90, `${waitS} s`)
  t.equal(refused.header('ratelimit'), `"overall";r=0;t=${waitS}`)
  t.equal(refused.header('ratelimit-policy'), '"overall";q=2;w=90')
  t.equal(refused.header('content-type'), 'application/problem+json')
  t.match(problemOf(refused), {
    type: 'urn:plimsoll:problem:lb-err-rate-limited',
    status: 429,
    code: 'LB_ERR_RATE_LIMITED',
    source: 'client',
    detail: 'At most 2 requests of one address in 90 s (rule "overall").',
    instance: '/3',
    requestId: refused.header('x-request-id'),
    retryAfterS: waitS,
  })
  t.equal((await final(client, 'HEAD')).status, 429, 'the connection lives, and HEAD has no body')
  t.equal((await answerTo(t, balancer.port, get('/5'))).status, 429, 'another connection is no other client')
  t.same(
    origin.seen.map(({ target }) => target),
    ['/1', '/2'],
  )
  t.same(await metricsOf(balancer, /^lb_(rate_limit|errors_total)/), [
    'lb_errors_total{code="LB_ERR_RATE_LIMITED"} 3',
    'lb_rate_limited_total{rule="overall"} 3',
    'lb_rate_limit_keys{rule="overall"} 1',
    'lb_rate_limit_max_keys{rule="overall"} 50000',
    'lb_rate_limit_sharing{rule="overall"} 0',
  ])
})

await t.test('each endpoint has a count of its own, and what one rule refuses counts for none', async t => {
  const flags = ['--rate-limit.overall-limit=5', '--rate-limit.endpoint-limit=2']
  const endpoints = ['--rate-limit.endpoints=/a', '--rate-limit.endpoints=/b/*']
  const { origin, balancer, status } = await limited(t, [...flags, ...endpoints])
  t.same([await status('/a'), await status('/A/x?y'), await status('/%61'), await status('//a')], [200, 200, 429, 429])
  const refused = await answerTo(t, balancer.port, get('/a/1'))
  t.match(problemOf(refused)['detail'], 'At most 2 requests of one address to one endpoint in 60 s (rule "endpoint").')
  t.match(refused.header('ratelimit'), /^"endpoint";r=0;t=\d+$/, 'only the rule that refuses')
  t.equal(refused.header('ratelimit-policy'), '"overall";q=5;w=900, "endpoint";q=2;w=60')
  const other = await answerTo(t, balancer.port, get('/b/1'))
  t.match(other.header('ratelimit'), /^"overall";r=2;t=\d+, "endpoint";r=1;t=\d+$/)
  const unnamed = await answerTo(t, balancer.port, get('/c'))
  t.match(unnamed.header('ratelimit'), /^"overall";r=1;t=\d+$/, 'what is no endpoint is under the other rule alone')
  t.same([await status('/c'), await status('/c'), await status('/b/2')], [200, 429, 429])
  t.equal(origin.seen.length, 5)
  t.same(await metricsOf(balancer, /^lb_rate_limit(ed_total|_keys)/), [
    'lb_rate_limited_total{rule="endpoint"} 3',
    'lb_rate_limited_total{rule="overall"} 2',
    'lb_rate_limit_keys{rule="overall"} 1',
    'lb_rate_limit_keys{rule="endpoint"} 2',
  ])
})

await t.test('an address is what the peer is, whatever a client says of itself', async t => {
  const { status } = await limited(t, ['--rate-limit.overall-limit=2'])
  const said = [
    'X-Forwarded-For: 192.0.2.1\r\n',
    'Forwarded: for=192.0.2.2\r\nX-Real-IP: 192.0.2.3\r\n',
    'X-Forwarded-For: ::1\r\n',
  ]
  t.same([await status('/', said[0]), await status('/', said[1]), await status('/', said[2])], [200, 200, 429])
})

await t.test(
  'a trusted proxy says who the client is; IPv6 counts by /64, and exempt addresses do not count',
  async t => {
    const flags = ['--rate-limit.overall-limit=2', '--trusted-proxies=127.0.0.1', '--rate-limit.exempt=198.51.100.0/24']
    const { status } = await limited(t, [...flags, '--rate-limit.exempt=127.0.0.1'])
    const times = async (count: number, forwardedFor: string) => {
      const seen: number[] = []
      for (let i = 0; i < count; i++)
        seen.push(await status('/', `X-Forwarded-For: ${forwardedFor.replace('#', String(i))}\r\n`))
      return seen
    }
    t.same(await times(3, '192.0.2.1'), [200, 200, 429])
    t.same(await times(3, '6.6.6.#, 192.0.2.2'), [200, 200, 429], 'what stands left of it is hearsay')
    t.same(await times(1, '192.0.2.3, 192.0.2.1'), [429])
    t.same(await times(3, '2001:db8::#'), [200, 200, 429], 'one /64')
    t.same(await times(1, '2001:DB8:0:0:ffff::1'), [429])
    t.same(await times(1, '2001:db8:0:1::1'), [200])
    t.same(await times(2, '::ffff:192.0.2.1'), [429, 429])
    t.same(await times(4, '198.51.100.7'), [200, 200, 200, 200])
    t.same(await times(3, '198.51.100.7, 192.0.2.9'), [200, 200, 429], 'exempt is who is counted, not who is named')
    t.same([await status('/'), await status('/'), await status('/')], [200, 200, 200], 'the checks of the proxy itself')
  },
)

await t.test('more addresses than there is room for share counts, and the metrics say so', async t => {
  const flags = ['--rate-limit.overall-limit=2', '--rate-limit.max-keys=1', '--trusted-proxies=127.0.0.1']
  const { balancer, status } = await limited(t, flags)
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) statuses.push(await status('/', `X-Forwarded-For: 192.0.2.${i}\r\n`))
  t.same(statuses, [200, 200, 200, 429], 'the last one shares with two others')
  t.same(await metricsOf(balancer, /^lb_rate_limit_/), [
    'lb_rate_limit_keys{rule="overall"} 1',
    'lb_rate_limit_max_keys{rule="overall"} 1',
    'lb_rate_limit_sharing{rule="overall"} 1',
  ])
})

await t.test('at once or one by one, never more than the limit', async t => {
  const { origin, balancer } = await limited(t, ['--rate-limit.overall-limit=20'])
  const statuses = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const { client, answers } = await ask(t, balancer.port, get('/') + get('/'), ['GET', 'GET'])
      client.end()
      return answers.map(({ status }) => status)
    }),
  )
  const count = (wanted: number) => statuses.flat().filter(status => status === wanted).length
  t.same([count(200), count(429)], [20, 60])
  t.equal(origin.seen.length, 20)
})

await t.test('tries of a request are one, and an answer that fails has counted', async t => {
  const ill = await strictOrigin(t, () => answer('', '', '503 Service Unavailable'))
  const well = await strictOrigin(t)
  const balancer = await startBalancer(
    t,
    [ill.url, well.url],
    [...LIMITED, '--rate-limit.overall-limit=2', '--outlier.consecutive-failures=0', '--outlier.min-success-ratio=0'],
  )
  const statuses: number[] = []
  for (let i = 0; i < 3; i++) statuses.push((await answerTo(t, balancer.port, get('/'))).status)
  t.same(statuses, [200, 200, 429])
  t.ok(ill.seen.length > 0, 'there were retries')
})

await t.test('a body is neither asked for nor waited for', async t => {
  const { origin, balancer, status } = await limited(t, ['--rate-limit.overall-limit=1'])
  t.equal(await status('/'), 200)
  const interim: HttpResponse[] = []
  const client = await rawClient(t, balancer.port)
  await client.write(get('/', 'Content-Length: 1000000\r\nExpect: 100-continue\r\n', 'POST'))
  const refused = await final(client, 'POST', { interim })
  t.same([refused.status, refused.header('connection')], [429, 'close'])
  t.same(interim, [], 'no 100')
  await client.expectClosed()
  t.equal(origin.seen.length, 1)
})

await t.test('answers that are let through say nothing when told not to; an endpoint has its own word', async t => {
  const own = 'RateLimit: "uploads";r=9;t=60\r\nRateLimit-Policy: "uploads";q=10;w=60\r\n'
  const silent = await limited(t, ['--rate-limit.overall-limit=1', '--rate-limit.fields=false'], () => answer('', own))
  const passed = await answerTo(t, silent.balancer.port, get('/'))
  t.equal(passed.header('ratelimit'), '"uploads";r=9;t=60')
  t.match((await answerTo(t, silent.balancer.port, get('/'))).header('ratelimit'), /^"overall";r=0/, 'a refusal does')
  const both = await limited(t, ['--rate-limit.overall-limit=2'], () => answer('', own))
  const answered = await answerTo(t, both.balancer.port, get('/'))
  const items = answered.header('ratelimit')?.split(', ').toSorted() ?? []
  t.match(items, [/^"overall";r=1;t=\d+$/, /^"uploads";r=9;t=60$/], 'one list')
  t.match(answered.header('ratelimit-policy'), /"overall";q=2;w=900/)
  await both.origin.close()
  const failed = await answerTo(t, both.balancer.port, get('/'))
  t.equal(failed.status, 502)
  t.match(failed.header('ratelimit'), /^"overall";r=0/, 'our own answers have them, too')
})

await t.test('who has waited is let through again', async t => {
  const { balancer, status } = await limited(t, ['--rate-limit.overall-limit=1', '--rate-limit.overall-window-ms=500'])
  t.equal(await status('/'), 200)
  const refused = await answerTo(t, balancer.port, get('/'))
  t.same([refused.status, refused.header('retry-after')], [429, '1'])
  await until(async () => (await status('/')) === 200, { what: 'the window to be over' })
})

await t.test('the explanation of a request names the rule, and a flood of refusals pushes out no decision', async t => {
  const flags = [
    '--admin-token=secret',
    '--trusted-proxies=127.0.0.1',
    '--rate-limit.endpoint-limit=1',
    '--rate-limit.endpoints=/a',
  ]
  const { balancer } = await limited(t, [...flags, '--log.decisions=10'])
  const admin = async (path: string) => {
    const response = await fetch(`${balancer.adminUrl}/admin${path}`, { headers: { authorization: 'Bearer secret' } })
    return { status: response.status, body: (await response.json()) as never }
  }
  const client = await rawClient(t, balancer.port)
  const asked = async (id: string) => {
    await client.write(get('/a/b', `X-Request-Id: ${id}\r\nX-Forwarded-For: 192.0.2.7\r\n`))
    return (await final(client)).status
  }
  t.equal(await asked('taken-1'), 200)
  for (let i = 0; i < 20; i++) t.equal(await asked(`refused-${i}`), 429)
  t.match((await admin('/explain?request-id=refused-19')).body, {
    tries: [
      {
        tryNumber: 1,
        kind: 'rate-limited',
        chosen: null,
        candidates: [],
        leftOut: [],
        outcome: {
          status: 429,
          end: 'refused',
          errorCode: 'LB_ERR_RATE_LIMITED',
          errorDetail: /\(rule "endpoint"\)\. It was 192\.0\.2\.7 at \/a; again in \d+ s\.$/,
          cause: 'endpoint',
        },
      },
    ],
  })
  t.equal((await admin('/explain?request-id=refused-9')).status, 404, 'only the last ones are kept')
  t.match((await admin('/explain?request-id=taken-1')).body, { tries: [{ kind: 'picked' }] })
  t.match((await admin('/decisions')).body, [{ requestId: 'taken-1' }])
})
