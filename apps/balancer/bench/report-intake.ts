// Nanoseconds that a load report in the head of an answer costs the balancer. Run: node apps/balancer/bench/report-intake.ts
//
// One thread, no I/O, CPU time of the process; the least and the median of interleaved rounds, since other work only ever adds.
//   none     an answer without a report: the field is looked for
//   same     the bytes of the last report: nearly every request, as a worker makes a new one every 100 ms at most
//   new      another report each time: at most ten a second from each worker
import { createPicker } from '@plimsoll/load-balancing'
import { ResponseParser, type MessageHead } from '@plimsoll/http1'
import { ReportIntake } from '../src/reports/report-intake.ts'
import { parseUpstreamAddress } from '../src/upstream/address.ts'
import type { Endpoint } from '../src/upstream/endpoint.ts'
import { UpstreamPool } from '../src/upstream/upstream-pool.ts'

const CIRCUIT = {
  consecutiveFailures: 5,
  minSuccessRatio: 0.5,
  minRequests: 20,
  windowMs: 10_000,
  baseMs: 10_000,
  maxMs: 300_000,
}
const ROUNDS = 15
const TIMES = 200_000

const ignore = (): void => {}

/** A parsed head that stays as it is. */
function head(fields: string): MessageHead {
  const parser = new ResponseParser({
    onHead: ignore,
    onBody: ignore,
    onTrailers: ignore,
    onEnd: ignore,
    onRefusal: ignore,
  })
  const bytes = Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\nvary: origin\r\nx-request-id: a-1\r\n${fields}Date: Tue, 01 Sep 2026 10:00:00 GMT\r\nConnection: keep-alive\r\ncontent-length: 5\r\n\r\n`,
    'latin1',
  )
  parser.expect(1)
  parser.execute(bytes, 0, bytes.length)
  return parser.head
}

function report(sequence: number): string {
  return `endpoint-load-metrics: TEXT application_utilization=0.42,mem_utilization=0.61,rps_fractional=812.5,eps=0,named_metrics.sequence=${sequence},named_metrics.loop_delay_p99_seconds=0.0123,named_metrics.gc_ratio=0.01,named_metrics.heap_utilization=0.5,named_metrics.db_waiting=0,named_metrics.cache_hit_ratio=0.93,named_metrics.pressure=0\r\n`
}

const sources = { random: { next: Math.random }, clock: performance }
const pool = new UpstreamPool(
  {
    endpoint: { circuit: CIRCUIT, maxRequests: Infinity },
    slowStart: { durationMs: 0, fromRatio: 1 },
    panicBelowRatio: 0.5,
    loadBalancing: true,
    picker: createPicker<Endpoint>('least-loaded', sources),
  },
  performance,
  { onJoin: ignore, onLeave: ignore, onDrain: ignore, onHealthChanged: ignore, onPanic: ignore },
)
const url = 'unix:/run/a.sock'
pool.replace([{ id: 'a', url, address: parseUpstreamAddress(url), weight: 1, administrative: 'ready' }])
const endpoint = pool.find('a') as Endpoint
const intake = new ReportIntake(pool, { from: 'unix', expiryMs: 3000 }, performance)

const none = head('')
const first = head(report(1_000_000))
const fresh = head(report(1_000_000))
const at = fresh.buffer.indexOf('sequence=') + 'sequence='.length
let sequence = 1_000_000
function nextReport(): MessageHead {
  let rest = ++sequence
  for (let i = at + 6; i >= at; i--) {
    fresh.buffer[i] = 48 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  return fresh
}

const CASES: readonly (readonly [name: string, next: () => MessageHead])[] = [
  ['none', () => none],
  ['same', () => first],
  ['new', nextReport],
]

function nanosecondsOf(next: () => MessageHead): number {
  const before = process.cpuUsage()
  for (let i = 0; i < TIMES; i++) intake.take(endpoint, next())
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / TIMES
}

const seen = new Map<string, number[]>(CASES.map(([name]) => [name, []]))
for (let round = -2; round < ROUNDS; round++) {
  for (const [name, next] of CASES) {
    if (name === 'same') {
      endpoint.report.forget()
      intake.take(endpoint, first)
    }
    const nanoseconds = nanosecondsOf(next)
    if (round >= 0) seen.get(name)?.push(nanoseconds)
  }
}
if (intake.counts.invalid + intake.counts.stale + intake.counts.untrusted > 0)
  throw new Error(`not what was to be measured: ${JSON.stringify(intake.counts)}`)
for (const [name, all] of seen) {
  const sorted = all.toSorted((a, b) => a - b)
  process.stdout.write(
    `${name.padEnd(5)} ${(sorted[0] ?? 0).toFixed(0).padStart(5)} ns least ${(sorted[sorted.length >> 1] ?? 0).toFixed(0).padStart(5)} ns median\n`,
  )
}
