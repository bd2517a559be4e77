// The metrics as Prometheus would read them, after traffic of every kind; and the access log beside them.
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { rawClient, rawServer, requireProgram, until } from '@plimsoll/testing'
import t from 'tap'
import { answerTo, final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const failing = await rawServer(t, async peer => {
  if (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)) peer.reset()
})
const REPORT =
  'endpoint-load-metrics: TEXT application_utilization=0.42,named_metrics.sequence=1,named_metrics.loop_delay_p99_seconds=0.0125,named_metrics.heap_utilization=0.5,named_metrics.gc_ratio=0.01,named_metrics.db_waiting=3,named_metrics.pressure=1\r\n'
const origin = await strictOrigin(t, () => answer('ok', REPORT))
const log = path.join(t.testdir(), 'logs', 'access.log')
const balancer = await startBalancer(
  t,
  [failing.url, origin.url],
  [`--log.access=${log}`, '--health.interval-ms=60000', '--reports.from=all'],
)
const scrape = async () => (await fetch(`${balancer.adminUrl}/metrics`)).text()

await t.test('what happened is counted', async t => {
  for (let i = 0; i < 4; i++) await answerTo(t, balancer.port, get('/ok'))
  await answerTo(t, balancer.port, `${get('/', 'Content-Length: 3\r\n', 'PUT')}abc`, 'PUT')
  await answerTo(t, balancer.port, 'nonsense\r\n\r\n')
  const client = await rawClient(t, balancer.port)
  await client.write('GET / HTT')
  client.end()
  t.equal((await final(client)).status, 400)
  const text = await scrape()
  t.match(text, /^lb_requests_total\{route="default",method="GET",code="200"\} 4$/m)
  t.match(text, /^lb_request_ends_total\{end="answered"\} 5$/m)
  t.match(text, /^lb_request_ends_total\{end="refused"\} 2$/m)
  t.match(text, /^lb_errors_total\{code="LB_ERR_REQUEST_CUT_SHORT"\} 1$/m)
  t.match(text, /^lb_retries_total\{reason="closed"\} [23]$/m)
  t.match(text, /^lb_retry_success_total [23]$/m)
  t.match(text, /^lb_request_body_bytes_total 3$/m)
  t.match(text, /^lb_answer_body_bytes_total 10$/m)
  t.match(text, /^lb_build_info\{version="[^"]+",node="[^"]+"\} 1$/m)
  t.match(text, /^lb_health_check_duration_seconds_count\{server="[^"]+"\} [1-9]/m)
  t.match(text, /^lb_health_check_failures_total\{server="[^"]+"\} 0$/m)
  t.match(text, /^lb_health_check_transitions_total\{server="[^"]+"\} 1$/m)
  t.match(text, new RegExp(`^lb_upstream_request_duration_seconds_count\\{server="${origin.url}"\\} 5$`, 'm'))
  t.match(text, new RegExp(`^lb_upstream_state\\{server="${origin.url}",state="up"\\} 1$`, 'm'))
})

await t.test('what endpoints report of their load is there, and only theirs who do', async t => {
  const text = await scrape()
  for (const [name, value] of [
    ['utilization_ratio', '0.42'],
    ['loop_delay_p99_seconds', '0.0125'],
    ['heap_utilization_ratio', '0.5'],
    ['gc_ratio', '0.01'],
    ['db_waiting', '3'],
    ['pressure_level', '1'],
  ]) {
    const samples = text.split('\n').filter(line => line.startsWith(`lb_worker_${name}{`))
    t.same(samples, [`lb_worker_${name}{server="${origin.url}"} ${value}`])
  }
  t.match(text, /^lb_reports_total\{result="taken"\} 1$/m)
  t.match(text, /^lb_reports_total\{result="same"\} 4$/m)
  t.match(text, /^lb_reports_ignored 0$/m)
})

await t.test('promtool finds nothing wrong', async t => {
  const promtool = requireProgram(t, 'promtool')
  if (promtool === undefined) return
  const checked = spawnSync(promtool, ['check', 'metrics'], { input: await scrape(), encoding: 'utf8' })
  t.equal(checked.stdout + checked.stderr, '')
  t.equal(checked.status, 0)
})

await t.test('the access log has a line for each request, with its times and how it ended', async t => {
  const lines = await until(
    async () => {
      const all = (await readFile(log, 'utf8')).trim().split('\n')
      return all.length >= 7 && all
    },
    { what: 'the lines to be written' },
  )
  const entries = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  t.equal(entries.length, 7)
  const ok = entries.find(entry => entry['target'] === '/ok')
  t.match(ok, {
    client: '127.0.0.1',
    method: 'GET',
    version: '1.1',
    status: 200,
    bytesIn: 0,
    bytesOut: 2,
    end: 'answered',
    error: null,
  })
  t.match(ok?.['time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  for (const field of ['queueMs', 'connectMs', 'firstByteMs', 'totalMs']) t.type(ok?.[field], 'number', field)
  const retried = entries.find(entry => entry['tries'] === 2)
  t.same(retried?.['retries'], ['closed'])
  t.equal(retried?.['endpoint'], origin.url)
  const nonsense = entries.find(entry => entry['error'] === 'LB_ERR_BAD_REQUEST')
  t.match(nonsense, { status: 400, end: 'refused', endpoint: null, tries: 0, connectMs: null, firstByteMs: null })
  t.equal(new Set(entries.map(entry => entry['id'])).size, entries.length, 'every request has an id of its own')
})

await t.test('two balancers in one process count their own', async t => {
  const other = await startBalancer(t, [origin.url])
  await answerTo(t, other.port, get('/'))
  t.match(await (await fetch(`${other.adminUrl}/metrics`)).text(), /^lb_requests_total\{.*\} 1$/m)
})
