// The whole stack under load for a few seconds: not a claim about speed, a proof that the way from a client to the database and back works
// and what it costs at the moment.
import { parseArgs } from 'node:util'
import type { Options, Result } from 'autocannon'
import { until } from '@plimsoll/testing'
import { commandLine, processTree } from '../cpu-time.ts'
import { number, renderTable } from '../report.ts'
import { startStack } from '../stack.ts'
import type { BenchIo, Suite } from '../suite.ts'

const TARGET = '/api/courses?limit=20'
/** The balancer's first health checks may still be under way when the stack says that it's up. */
const FIRST_ANSWER_TIMEOUT_MS = 15_000
/** Without it a good part of a short run is compiling. */
const WARMUP_SECONDS = 2

export const suite: Suite = {
  name: 'smoke',
  summary: 'autocannon through the balancer of the one-command stack, answers checked',
  options: [
    '--seconds N      Measured time. Default: 10',
    '--connections N  Connections, each with one request under way. Default: 50',
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const { values } = parseArgs({
    args: [...io.args],
    options: { seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '50' } },
  })
  const seconds = positive('--seconds', values.seconds)
  const connections = Math.ceil(positive('--connections', values.connections))
  io.write('  starting the stack on a new database\n')
  const stack = await startStack(io, io.env)
  try {
    const url = `${stack.ready.service}${TARGET}`
    const expected = await until(() => checkAnswer(url), {
      what: 'a page of courses',
      timeoutMs: FIRST_ANSWER_TIMEOUT_MS,
    })
    io.write(`  ${TARGET}: ${expected.rows} rows, ${number(expected.bytes)} bytes, profile development\n\n`)
    const shot = { url, connections, verifyBody: (body: string) => body === expected.text }
    await fire({ ...shot, duration: WARMUP_SECONDS }, io)
    const before = cpuByPart(stack.pid)
    const result = await fire({ ...shot, duration: seconds }, io)
    const cpu = cpuByPart(stack.pid).map(({ part, cpuUs }, i) => ({
      part,
      usPerRequest: (cpuUs - (before[i]?.cpuUs ?? 0)) / result.requests.total,
    }))
    io.write(renderResult(result))
    io.write(`\n${renderCpu(cpu)}`)
    const bad = {
      errors: result.errors,
      timeouts: result.timeouts,
      'not 2xx': result.non2xx,
      'wrong bodies': result.mismatches,
    }
    const seen = Object.entries(bad).filter(([, count]) => count > 0)
    if (seen.length > 0)
      throw new Error(`not every answer was right: ${seen.map(([what, count]) => `${count} ${what}`).join(', ')}`)
    const figures = {
      target: TARGET,
      connections,
      cpuUsPerRequest: Object.fromEntries(cpu.map(c => [c.part, c.usPerRequest])),
      result,
    }
    io.write(`\n${io.save(figures)}\n`)
  } finally {
    await stack.stop()
  }
}

/** @throws Error unless it's a page of courses. */
async function checkAnswer(url: string): Promise<{ text: string; rows: number; bytes: number }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  const text = await answer.text()
  const rows = answer.status === 200 ? rowsOf(text) : null
  if (rows === null || rows === 0) {
    throw new Error(`GET ${url} answers ${answer.status} without rows: ${text.slice(0, 300)}`)
  }
  return { text, rows, bytes: Buffer.byteLength(text) }
}

/** The length of the one list in a page; null when there's none. */
function rowsOf(text: string): number | null {
  const page: unknown = JSON.parse(text)
  const lists =
    typeof page === 'object' && page !== null ? Object.values(page).filter(value => Array.isArray(value)) : []
  return lists[0]?.length ?? null
}

async function fire(options: Options, io: BenchIo): Promise<Result> {
  // Loaded here, so that listing the suites takes no time.
  const { default: autocannon } = await import('autocannon')
  const running = autocannon(options)
  const stop = () => running.stop()
  io.signal.addEventListener('abort', stop, { once: true })
  try {
    const result = await running
    io.signal.throwIfAborted()
    return result
  } finally {
    io.signal.removeEventListener('abort', stop)
  }
}

const PARTS = [
  { part: 'balancer', words: 'apps/balancer/' },
  { part: 'API', words: 'apps/api/' },
  { part: 'PostgreSQL', words: 'postgres' },
  { part: 'the rest', words: '' },
] as const

interface PartCpu {
  readonly part: string
  readonly cpuUs: number
}

/** CPU time of the stack's processes, by what they belong to. A worker that was replaced in between takes its time with it. */
function cpuByPart(pid: number): PartCpu[] {
  const all = processTree(pid).map(({ pid: one, cpuUs }) => ({ command: commandLine(one), cpuUs }))
  const owners = Map.groupBy(all, ({ command }) => PARTS.find(({ words }) => command.includes(words))?.part)
  return PARTS.map(({ part }) => ({ part, cpuUs: (owners.get(part) ?? []).reduce((sum, { cpuUs }) => sum + cpuUs, 0) }))
}

function renderCpu(rows: readonly { part: string; usPerRequest: number }[]): string {
  return renderTable(
    [
      { heading: 'CPU', align: 'left', cell: row => row.part },
      { heading: 'µs per request', align: 'right', cell: row => number(row.usPerRequest, 1) },
    ],
    rows,
  )
}

function renderResult({ requests, latency, throughput, errors, timeouts, non2xx, mismatches }: Result): string {
  const rows = [
    ['requests', number(requests.total)],
    ['requests/s', number(requests.average)],
    ['MB/s', number(throughput.average / 1e6, 1)],
    ['p50', `${number(latency.p50)} ms`],
    ['p90', `${number(latency.p90)} ms`],
    ['p99', `${number(latency.p99)} ms`],
    ['max', `${number(latency.max)} ms`],
    ['errors', number(errors + timeouts)],
    ['not 2xx', number(non2xx)],
    ['wrong bodies', number(mismatches)],
  ] as const
  return renderTable(
    [
      { heading: 'figure', align: 'left', cell: ([name]) => name },
      { heading: 'value', align: 'right', cell: ([, value]) => value },
    ],
    rows,
  )
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${flag} has to be a number above 0, not "${text}"`)
  return value
}
