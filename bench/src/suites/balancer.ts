// The balancer's price: CPU time of the proxy per request, beside nginx, HAProxy and what Node's libraries give.
import { request } from 'node:http'
import { parseArgs } from 'node:util'
import { type Candidate, CANDIDATES, candidateFolder, type RunningCandidate } from '../balancer-candidates.ts'
import { Load, type Measured } from '../load.ts'
import { SIZES, type Workload } from '../load-protocol.ts'
import { type CorePlan, moveToCore, planCores, UNPINNED, usableCores } from '../pinning.ts'
import { number, percent, renderTable } from '../report.ts'
import { interleave } from '../rounds.ts'
import { summarize } from '../statistics.ts'
import type { BenchIo, Suite } from '../suite.ts'

const DIRECT = 'direct (no proxy)'
const WARMUP_MS = 700
/** Below this the load was the bottleneck, and a proxy that waits pays for its wake-ups. */
const BUSY_ENOUGH = 0.8
/** From here on generator and backend, on one core together, had no more to give. */
const LOAD_BUSY = 0.85

const BROWSER_FIELDS = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cache-Control: no-cache',
  'Cookie: session=b1946ac92492d2347c6235b4d2611184; theme=dark',
  'Referer: http://bench.example/',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'Upgrade-Insecure-Requests: 1',
]

const get = { method: 'GET', size: 'a', bodyBytes: 0, connections: 64, fields: [] } as const
export const WORKLOADS: readonly Workload[] = [
  { ...get, name: '128b-64' },
  { ...get, name: '128b-256', connections: 256 },
  { ...get, name: '16k-64', size: 'b' },
  { ...get, name: 'post-64', method: 'POST', bodyBytes: 1024 },
  { ...get, name: 'browser-64', fields: BROWSER_FIELDS },
]

interface Settings {
  readonly measureMs: number
  readonly rounds: number
  readonly candidates: readonly Candidate[]
  readonly workloads: readonly Workload[]
}

interface Contender {
  readonly name: string
  readonly version: string
  readonly proxy: RunningCandidate | null
  readonly port: number
}

interface Row {
  readonly name: string
  readonly rounds: readonly Measured[]
}

export const suite: Suite = {
  name: 'balancer',
  summary: 'CPU µs per request of the balancer beside nginx, HAProxy and Node proxies',
  options: [
    '--seconds N    Measured time per round. Default: 3',
    '--rounds N     Interleaved rounds. Default: 3',
    `--only NAMES   Candidates, comma-separated: ${CANDIDATES.map(candidate => candidate.name).join(', ')}`,
    `--workload N   Workloads, comma-separated: ${WORKLOADS.map(workload => workload.name).join(', ')}`,
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const settings = readSettings(io.args)
  const cores = planCores(usableCores())
  describeCores(io, cores)
  const present = settings.candidates.flatMap(candidate => {
    const found = candidate.find(io)
    if ('version' in found) return [{ candidate, version: found.version }]
    io.write(`*** LEFT OUT, ${candidate.name}: ${found.missing}\n`)
    return []
  })
  const load = await Load.start(io, cores)
  const contenders: Contender[] = [{ name: DIRECT, version: '', proxy: null, port: load.ports[0] ?? 0 }]
  try {
    for (const { candidate, version } of present) {
      const folder = candidateFolder(io.temporary, candidate.name)
      const proxy = await candidate.start({ io, upstreams: load.ports, core: cores.proxy, folder })
      contenders.push({ name: candidate.name, version, proxy, port: proxy.port })
      for (const workload of settings.workloads) await checkAnswer(candidate.name, proxy.port, workload)
      io.write(`  ${candidate.name} ${version}: answers are right\n`)
    }
    // The suite itself does little while it measures, and that little not on the proxy's core.
    moveToCore(cores.generator, process.pid)
    io.write(`\nabout ${estimate(settings, contenders.length)} for ${settings.workloads.length} workloads\n`)
    const results: { workload: string; rows: Row[] }[] = []
    for (const workload of settings.workloads) {
      const rows = await measureWorkload(load, contenders, workload, settings)
      results.push({ workload: workload.name, rows })
      io.write(`\n${describeWorkload(workload)}\n${renderRows(rows)}`)
      for (const row of rows) warnIfIdle(io, row)
    }
    const versions = Object.fromEntries(contenders.slice(1).map(({ name, version }) => [name, version]))
    const figures = { cores, measureMs: settings.measureMs, versions, results }
    io.write(`\n${io.save(figures)}\n`)
  } finally {
    await Promise.all(contenders.map(async contender => contender.proxy?.stop()))
    await load.stop()
  }
}

async function measureWorkload(
  load: Load,
  contenders: readonly Contender[],
  workload: Workload,
  { rounds, measureMs }: Settings,
): Promise<Row[]> {
  const rows = new Map(contenders.map(({ name }) => [name, [] as Measured[]]))
  for (const { candidate: contender } of interleave(contenders, rounds)) {
    const { name, port, proxy } = contender
    try {
      rows
        .get(name)
        ?.push(await load.run({ port, proxyPid: proxy?.pid ?? null, workload, warmupMs: WARMUP_MS, measureMs }))
    } catch (cause) {
      throw new Error(`${name}, ${workload.name}: ${(cause as Error).message}`, { cause })
    }
  }
  return Array.from(rows, ([name, measured]) => ({ name, rounds: measured }))
}

/** One whole answer through a client that's known to be right, before anything is measured. */
async function checkAnswer(name: string, port: number, workload: Workload): Promise<void> {
  const { method, size, bodyBytes } = workload
  const id = '0123456789'
  const body = id.padEnd(bodyBytes, 'y')
  const fields = Object.fromEntries(workload.fields.map(line => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { ...fields, ...(bodyBytes > 0 ? { 'content-length': bodyBytes } : {}) }
    const onward = request(
      { host: '127.0.0.1', port, method, path: `/${size}${id}`, headers, agent: false },
      incoming => {
        let text = ''
        incoming.setEncoding('latin1').on('data', (part: string) => (text += part))
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }))
        incoming.on('error', reject)
      },
    )
    onward.on('error', reject)
    onward.end(bodyBytes > 0 ? body : undefined)
  })
  const right = id + 'x'.repeat(SIZES[size] - id.length)
  if (answer.status === 200 && answer.text === right) return
  const seen = `status ${answer.status}, ${answer.text.length} bytes: ${JSON.stringify(answer.text.slice(0, 80))}`
  throw new Error(`${name} answers ${workload.name} wrongly: ${seen}`)
}

function renderRows(rows: readonly Row[]): string {
  const nginx = rows.find(row => row.name === 'nginx')
  const reference = nginx && summarize(nginx.rounds.map(round => round.cpuUsPerRequest ?? 0)).median
  const cpu = (row: Row) => summarize(row.rounds.map(round => round.cpuUsPerRequest ?? 0))
  const middle = (row: Row, of: (round: Measured) => number) => summarize(row.rounds.map(of)).median
  const proxied = (row: Row, text: () => string) => (row.name === DIRECT ? '' : text())
  return renderTable<Row>(
    [
      { heading: 'CPU µs per request', align: 'left', cell: row => row.name },
      { heading: 'median', align: 'right', cell: row => proxied(row, () => number(cpu(row).median, 1)) },
      { heading: 'min', align: 'right', cell: row => proxied(row, () => number(cpu(row).min, 1)) },
      { heading: 'spread', align: 'right', cell: row => proxied(row, () => percent(cpu(row).spread)) },
      {
        heading: 'to nginx',
        align: 'right',
        cell: row => proxied(row, () => (reference ? `× ${number(cpu(row).median / reference, 2)}` : '')),
      },
      { heading: 'busy', align: 'right', cell: row => proxied(row, () => percent(middle(row, r => r.proxyBusy ?? 0))) },
      { heading: 'requests/s', align: 'right', cell: row => number(middle(row, r => r.requests / r.seconds)) },
      { heading: 'p50 µs', align: 'right', cell: row => number(middle(row, r => r.p50Us)) },
      { heading: 'p99 µs', align: 'right', cell: row => number(middle(row, r => r.p99Us)) },
    ],
    rows,
  )
}

function warnIfIdle(io: BenchIo, row: Row): void {
  if (row.name === DIRECT) return
  const busy = summarize(row.rounds.map(round => round.proxyBusy ?? 0)).median
  if (busy >= BUSY_ENOUGH) return
  const loadBusy = summarize(row.rounds.map(round => round.loadBusy)).median
  const why = loadBusy >= LOAD_BUSY ? 'the load was the bottleneck' : 'other programs had the cores'
  io.write(`*** ${row.name} was busy for only ${percent(busy)} of the time: ${why}\n`)
}

function describeWorkload({ name, method, size, bodyBytes, connections, fields }: Workload): string {
  const body = bodyBytes > 0 ? ` with ${bodyBytes} bytes` : ''
  const extra = fields.length > 0 ? `, ${fields.length} browser headers` : ''
  return `${name}: ${method}${body}, answers of ${number(SIZES[size])} bytes, ${connections} connections${extra}`
}

function describeCores(io: BenchIo, cores: CorePlan): void {
  if (cores === UNPINNED) {
    io.write('*** NOT PINNED: it takes Linux, taskset and two cores; the load disturbs what is measured\n')
    return
  }
  const shared = cores.backend === cores.generator ? ' together' : ''
  io.write(`proxy on core ${cores.proxy}; generator on ${cores.generator}, backend on ${cores.backend}${shared}\n`)
}

function estimate({ rounds, measureMs, workloads }: Settings, contenders: number): string {
  const seconds = (rounds * contenders * workloads.length * (measureMs + WARMUP_MS + 100)) / 1000
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`
}

function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      workload: { type: 'string' },
    },
  })
  return {
    measureMs: positive('--seconds', values.seconds) * 1000,
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    candidates: choose('--only', CANDIDATES, values.only),
    workloads: choose('--workload', WORKLOADS, values.workload),
  }
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${flag} has to be a number above 0, not "${text}"`)
  return value
}

function choose<T extends { readonly name: string }>(
  flag: string,
  all: readonly T[],
  names: string | undefined,
): readonly T[] {
  if (names === undefined) return all
  return names.split(',').map(name => {
    const found = all.find(one => one.name === name)
    if (found) return found
    throw new Error(`${flag}: there is no "${name}"; there are: ${all.map(one => one.name).join(', ')}`)
  })
}
