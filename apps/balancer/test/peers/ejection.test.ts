// Endpoints whose requests fail are taken out and come back on evidence; seen through real sockets.
import t, { type Test } from 'tap'
import { until } from '@plimsoll/testing'
import { answerTo, get, problemOf } from '../conversation.ts'
import { startBalancer, type RunningBalancer } from '../start-balancer.ts'
import { answer, strictOrigin, type StrictOrigin } from '../strict-origin.ts'

interface Health {
  readonly available: number
  readonly endpoints: readonly { readonly id: string; readonly available: boolean; readonly why: string | null }[]
}

async function whyOf(balancer: RunningBalancer, url: string): Promise<string | null> {
  const health = (await (await fetch(`${balancer.adminUrl}/health`)).json()) as Health
  return health.endpoints.find(({ id }) => id === url)?.why ?? null
}

async function metric(balancer: RunningBalancer, line: string): Promise<number> {
  const text = await (await fetch(`${balancer.adminUrl}/metrics`)).text()
  const found = text.split('\n').find(one => one.startsWith(`${line} `))
  return Number(found?.slice(line.length + 1) ?? Number.NaN)
}

/** An origin whose answers, but those to its checks, are as its mode says. */
async function moody(t: Test): Promise<StrictOrigin & { mode: 'well' | '500' | 'silent' | 'unready' }> {
  const mood = { mode: 'well' as 'well' | '500' | 'silent' | 'unready' }
  const origin = await strictOrigin(t, ({ target }) => {
    if (target === '/ready') return mood.mode === 'unready' ? answer('', '', '500 Not ready') : answer('ready')
    if (mood.mode === 'silent') return undefined
    return mood.mode === '500' ? answer('broken', '', '500 Internal Server Error') : answer('well')
  })
  return Object.assign(mood, origin)
}

const workOf = (origin: StrictOrigin) => origin.seen.filter(({ target }) => target !== '/ready').length
const SELDOM = ['--health.path=/ready', '--health.interval-ms=60000', '--health.changing-interval-ms=60000']

await t.test(
  'five answers of 500 in a row take an endpoint out; one request that goes well brings it back',
  async t => {
    const ill = await moody(t)
    const well = await moody(t)
    const balancer = await startBalancer(t, [ill.url, well.url], [...SELDOM, '--outlier.ejection-ms=300'])
    ill.mode = '500'
    let failed = 0
    for (let i = 0; i < 30; i++) if ((await answerTo(t, balancer.port, get('/'))).status === 500) failed++
    t.equal(failed, 5)
    t.match(await whyOf(balancer, ill.url), /^ejected: 5 requests failed in a row, the last: status 500/)
    t.equal(await metric(balancer, 'lb_outlier_ejections_total{reason="failures"}'), 1)
    t.equal(await metric(balancer, `lb_circuit_open{server="${ill.url}"}`), 1)
    ill.mode = 'well'
    await until(async () => ((await whyOf(balancer, ill.url)) ?? '').startsWith('on trial'), { what: 'its trial' })
    const before = workOf(ill)
    t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
    t.equal(workOf(ill), before + 1, 'the trial request goes there first')
    await balancer.available(2)
    for (let i = 0; i < 4; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
    t.equal(workOf(ill), before + 3, 'and it has its turn again')
  },
)

await t.test('checks that pass end an ejection early', async t => {
  const ill = await moody(t)
  const well = await moody(t)
  const balancer = await startBalancer(t, [ill.url, well.url], ['--health.path=/ready', '--outlier.ejection-ms=60000'])
  ill.mode = '500'
  for (let i = 0; i < 10; i++) await answerTo(t, balancer.port, get('/'))
  ill.mode = 'well'
  // Each request may be the one on trial.
  await until(
    async () => {
      await answerTo(t, balancer.port, get('/'))
      return (await whyOf(balancer, ill.url)) === null
    },
    { what: 'its return long before a minute is over' },
  )
  t.equal(await metric(balancer, 'lb_outlier_ejections_active'), 0)
})

await t.test('an endpoint that falls silent is taken out before the time-out of a try', async t => {
  const ill = await moody(t)
  const well = await moody(t)
  const flags = [...SELDOM, '--stall.min-silence-ms=100', '--timeouts.try-ms=5000', '--retry.budget-min-per-second=10']
  const balancer = await startBalancer(t, [ill.url, well.url], flags)
  for (let i = 0; i < 60; i++) await answerTo(t, balancer.port, get('/'))
  ill.mode = 'silent'
  const waiting = Array.from({ length: 8 }, () => answerTo(t, balancer.port, get('/')).catch(() => null))
  await until(
    async () => /^ejected: silent for \d+ ms while \d requests wait/.test((await whyOf(balancer, ill.url)) ?? ''),
    {
      what: 'the silence to be noticed',
    },
  )
  for (let i = 0; i < 10; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  for (const peer of ill.peers) peer.reset()
  const statuses = (await Promise.all(waiting)).map(response => response?.status)
  t.same(new Set(statuses), new Set([200]), 'those that waited are asked of the other one')
})

await t.test('never the last one: with all endpoints failing requests still reach them', async t => {
  const one = await moody(t)
  const other = await moody(t)
  const balancer = await startBalancer(t, [one.url, other.url], SELDOM)
  one.mode = '500'
  other.mode = '500'
  for (let i = 0; i < 40; i++) t.equal((await answerTo(t, balancer.port, get('/'))).body.toString(), 'broken')
  t.equal(await metric(balancer, 'lb_outlier_ejections_active'), 1)
  t.ok((await metric(balancer, 'lb_outlier_ejections_suppressed_total{reason="failures"}')) > 0)
})

await t.test('panic: when no check passes any more, all that accept connections are used', async t => {
  const origins = [await moody(t), await moody(t), await moody(t)]
  const urls = origins.map(({ url }) => url)
  const balancer = await startBalancer(t, urls, ['--health.path=/ready'])
  const strict = await startBalancer(t, urls, ['--health.path=/ready', '--panic.below-ratio=0'])
  for (const origin of origins) origin.mode = 'unready'
  await strict.available(0)
  await until(async () => (await metric(balancer, 'lb_panic')) === 1, { what: 'panic' })
  const work = origins.map(workOf)
  for (let i = 0; i < 6; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  t.ok(
    origins.every((origin, i) => workOf(origin) > (work[i] ?? 0)),
    'each of them is used',
  )
  const refused = await answerTo(t, strict.port, get('/'))
  t.equal(refused.status, 503)
  t.match(problemOf(refused), { code: 'LB_ERR_NO_ENDPOINT', detail: /3 down/ })
  for (const origin of origins) origin.mode = 'well'
  await until(async () => (await metric(balancer, 'lb_panic')) === 0, { what: 'the end of the panic' })
})

await t.test('an endpoint that comes back begins with a small share', async t => {
  const cold = await moody(t)
  const warm = await moody(t)
  const flags = ['--health.path=/ready', '--strategy=weighted-round-robin', '--slow-start.duration-ms=60000']
  const balancer = await startBalancer(t, [cold.url, warm.url], flags)
  const weight = `lb_upstream_weight_effective{server="${cold.url}"}`
  t.equal(await metric(balancer, weight), 1, 'none at the start')
  cold.mode = 'unready'
  await balancer.available(1)
  cold.mode = 'well'
  await balancer.available(2)
  const now = await metric(balancer, weight)
  t.ok(now >= 0.1 && now < 0.2, `${now} of 1`)
  t.equal(await metric(balancer, `lb_upstream_weight{server="${cold.url}"}`), 1)
  const before = workOf(cold)
  for (let i = 0; i < 22; i++) await answerTo(t, balancer.port, get('/'))
  t.ok(workOf(cold) - before <= 4, 'two or three of 22')
  await until(
    async () => {
      await answerTo(t, balancer.port, get('/'))
      return (await metric(balancer, weight)) === 1
    },
    { what: 'evidence to end it long before a minute is over' },
  )
})

await t.test('a single instance gets everything, whatever is seen of it', async t => {
  const one = await moody(t)
  const other = await moody(t)
  const balancer = await startBalancer(t, [one.url, other.url], ['--load-balancing=false', '--health.path=/ready'], {
    waitForAll: false,
  })
  one.mode = 'unready'
  for (let i = 0; i < 6; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  t.equal(workOf(one), 6)
  t.equal(workOf(other), 0)
})

await t.test('an endpoint at its limit is passed over; with all at it the answer says so', async t => {
  const held: (() => void)[] = []
  const hold = () => new Promise<string>(resolve => held.push(() => resolve(answer('held'))))
  const one = await strictOrigin(t, hold)
  const other = await strictOrigin(t, hold)
  const balancer = await startBalancer(t, [one.url, other.url], ['--limits.max-requests-per-endpoint=2'])
  const kept = Array.from({ length: 4 }, () => answerTo(t, balancer.port, get('/')))
  await until(() => held.length === 4, { what: 'both to be full' })
  t.equal(one.seen.length, 2)
  const refused = await answerTo(t, balancer.port, get('/'))
  t.equal(refused.status, 503)
  t.equal(refused.header('retry-after'), '1')
  t.match(problemOf(refused), { code: 'LB_ERR_ENDPOINTS_BUSY', source: 'balancer' })
  for (const go of held) go()
  t.same(new Set((await Promise.all(kept)).map(({ status }) => status)), new Set([200]))
})
