// What stands against a retry, and that it's said; the time that a request has left.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { freePort, until } from '@plimsoll/testing'
import { answerTo, get, problemOf } from '../conversation.ts'
import { startBalancer, type RunningBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const QUIET = ['--health.interval-ms=60000', '--outlier.consecutive-failures=0', '--timeouts.linger-ms=50']

/** Asks until the failing endpoint has had its turn, and returns what the access log says of that. */
async function logged(t: Test, flags: string[], method: string, fails: string): Promise<Record<string, unknown>> {
  const ill = await strictOrigin(t, () => answer('', '', fails))
  const well = await strictOrigin(t)
  const log = path.join(t.testdir(), 'access.log')
  const balancer = await startBalancer(t, [ill.url, well.url], [...QUIET, `--log.access=${log}`, ...flags])
  for (let i = 0; i < 2; i++) await answerTo(t, balancer.port, get('/', '', method), method)
  await balancer.stop()
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  const entries = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  return entries.find(entry => entry['notRetried'] !== null || (entry['retries'] as unknown[]).length > 0) ?? {}
}

await t.test('the log says why a request was not sent again', async t => {
  const busy = '503 Service Unavailable'
  t.match(await logged(t, [], 'GET', busy), { status: 200, retries: ['status'], notRetried: null })
  t.match(await logged(t, [], 'POST', busy), { status: 503, retries: [], notRetried: 'not-idempotent' })
  t.match(await logged(t, ['--retry.count=0'], 'GET', busy), { status: 503, notRetried: 'tries-used' })
  const none = ['--retry.budget-ratio=0', '--retry.budget-min-per-second=0']
  t.match(await logged(t, none, 'GET', busy), { status: 503, notRetried: 'budget' })
})

await t.test('which statuses are retried can be said', async t => {
  const broken = '500 Internal Server Error'
  t.match(await logged(t, ['--retry.statuses=500'], 'GET', broken), { status: 200, retries: ['status'] })
})

await t.test('what was never sent is no second load: it needs no budget and no pause', async t => {
  const well = await strictOrigin(t)
  const nobody = `http://127.0.0.1:${await freePort()}`
  const flags = [
    ...QUIET,
    '--retry.budget-ratio=0',
    '--retry.budget-min-per-second=0',
    '--retry.backoff-ms=60000',
    '--retry.max-backoff-ms=60000',
  ]
  const balancer = await startBalancer(
    t,
    [nobody, well.url],
    [...flags, '--health.fall=100', '--panic.below-ratio=1'],
    {
      waitForAll: false,
    },
  )
  await balancer.available(1)
  for (let i = 0; i < 4; i++) t.equal((await answerTo(t, balancer.port, get('/', '', 'POST'), 'POST')).status, 200)
})

async function deadlines(
  t: Test,
  fields: string,
): Promise<{ balancer: RunningBalancer; status: number; code: unknown; asked: number }> {
  const origin = await strictOrigin(t, () => undefined)
  const other = await strictOrigin(t, () => undefined)
  const balancer = await startBalancer(t, [origin.url, other.url], [...QUIET, '--trusted-proxies=127.0.0.1'])
  const response = await answerTo(t, balancer.port, get('/', fields))
  const asked = origin.seen.length + other.seen.length
  return { balancer, status: response.status, code: problemOf(response)['code'], asked }
}

await t.test('a trusted peer says how long a request has; what cannot be done in that time is not begun', async t => {
  t.match(await deadlines(t, 'X-Request-Deadline-Ms: 0\r\n'), { status: 504, code: 'LB_ERR_DEADLINE', asked: 0 })
  t.match(await deadlines(t, 'X-Request-Deadline-Ms: 120\r\n'), { status: 504, code: 'LB_ERR_DEADLINE', asked: 1 })
})

await t.test('each try is told what is left', async t => {
  const told: number[] = []
  const note = (header: string | undefined) => told.push(Number(header))
  const ill = await strictOrigin(t, request => {
    note(request.header('x-request-deadline-ms'))
    return answer('', '', '503 Service Unavailable')
  })
  const well = await strictOrigin(t, request => {
    note(request.header('x-request-deadline-ms'))
    return answer('well')
  })
  const flags = [...QUIET, '--timeouts.total-ms=20000', '--retry.backoff-ms=200']
  const balancer = await startBalancer(t, [ill.url, well.url], flags)
  for (let i = 0; i < 2; i++)
    t.equal((await answerTo(t, balancer.port, get('/', 'X-Request-Deadline-Ms: 5\r\n'))).status, 200)
  t.equal(told.length, 3)
  t.ok(
    told.every(ms => ms > 10_000 && ms <= 20_000),
    `${told.join()}: nobody is believed who isn't trusted`,
  )
  const silent = await startBalancer(t, [well.url], [...QUIET, '--timeouts.send-deadline=false'])
  await answerTo(t, silent.port, get('/'))
  t.ok(Number.isNaN(told.at(-1)), 'it can be switched off')
})

await t.test('a client that leaves during the pause before a retry costs nobody anything', async t => {
  const ill = await strictOrigin(t, () => answer('', '', '503 Service Unavailable'))
  const well = await strictOrigin(t)
  const flags = [...QUIET, '--retry.backoff-ms=60000', '--retry.max-backoff-ms=60000']
  const balancer = await startBalancer(t, [ill.url, well.url], flags)
  const controller = new AbortController()
  const asked = fetch(balancer.url, { signal: controller.signal }).catch(() => null)
  await until(() => ill.seen.length === 1, { what: 'the first try' })
  const metrics = async () => (await fetch(`${balancer.adminUrl}/metrics`)).text()
  const isPausing = (text: string) =>
    text.includes('lb_requests_active 1') && !/^lb_upstream_requests_active\{.*\} [1-9]/m.test(text)
  await until(async () => isPausing(await metrics()), { what: 'the pause' })
  controller.abort()
  await asked
  await until(async () => (await metrics()).includes('lb_requests_active 0'), { what: 'the request to be given up' })
  t.equal(well.seen.length, 0)
})
