// Steady load for minutes: does memory stay where it was after the warm-up?
//
//   start → load → warm-up over → windows → judged
//
// What is judged is live memory, heap and external, right after a whole collection that a probe forces in each process (soak/memory-probe.ts). Resident memory is
// shown and not judged: it's also what V8 and the allocator keep for later, it steps up with every burst, and it may fall for reasons of the kernel's.
import { mkdirSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Options } from 'autocannon'
import { until } from '@plimsoll/testing'
import { number, percent, renderTable } from '../report.ts'
import { type LiveSample, PROBE_VARIABLES, readLiveSamples } from '../soak/live-memory.ts'
import { type ProcessCourse, ProcessWatch } from '../soak/process-watch.ts'
import { partOf, type SoakTarget, startFixture, startWholeStack } from '../soak/soak-target.ts'
import { sparkline } from '../soak/sparkline.ts'
import { judgeSteadiness, type Steadiness } from '../soak/steadiness.ts'
import type { BenchIo, Suite } from '../suite.ts'

const TOLERANCE = 0.05
/** 5 % of a small process is less than what compiled code and inline caches come and go by. */
const FLOOR_BYTES = 512 * 1024
const WINDOWS = 6
const PLOT_WIDTH = 48
const LOOK_INTERVAL_MS = 1000
const MIB = 1024 ** 2
const FIRST_ANSWER_TIMEOUT_MS = 15_000

export const suite: Suite = {
  name: 'soak',
  summary: `steady load for minutes: live memory of every process within ± ${percent(TOLERANCE)} after the warm-up`,
  options: [
    '--minutes N         Judged time, after the warm-up. Default: 3',
    '--warmup-seconds N  Default: 60',
    '--rate N            Requests per second, all together. Default: 300',
    '--connections N     Default: 50',
    '--stack             The whole stack with its database, not the small service',
  ].join('\n'),
  run,
}

interface SoakOptions {
  readonly judgedMs: number
  readonly warmupMs: number
  readonly rate: number
  readonly connections: number
  readonly stack: boolean
}

/** One process, as it's shown and saved. */
interface SoakRow {
  readonly name: string
  readonly pid: number
  /** Null for a process without a probe, which isn't judged. */
  readonly live: Steadiness | null
  readonly residentBytes: readonly number[]
  /** Share of one core in the judged time. */
  readonly coreRatio: number
  /** Whether it lived to the end. */
  readonly isAlive: boolean
}

async function run(io: BenchIo): Promise<void> {
  const options = readOptions(io.args)
  const probes = path.join(io.temporary, 'probes')
  mkdirSync(probes)
  const probeIntervalMs = Math.min(5000, options.judgedMs / WINDOWS / 4)
  const env = {
    ...io.env,
    NODE_OPTIONS: `--import=${pathToFileURL(path.join(import.meta.dirname, '../soak/memory-probe.ts')).href}`,
    [PROBE_VARIABLES.folder]: probes,
    [PROBE_VARIABLES.intervalMs]: String(probeIntervalMs),
  }
  io.write(`  starting ${options.stack ? 'the stack on a new database' : 'the small service and the balancer'}\n`)
  const target = await (options.stack ? startWholeStack : startFixture)(io, env)
  let rows: SoakRow[]
  let figures: Measured
  try {
    await until(() => answersWell(target.url), {
      what: `${target.url} to answer`,
      timeoutMs: FIRST_ANSWER_TIMEOUT_MS,
    })
    figures = await soak(io, target, options)
    rows = figures.courses.flatMap(course => rowOf(course, probes, figures))
  } finally {
    await target.stop()
  }
  io.write(`\n${renderRows(rows, figures)}\n`)
  const drifting = rows.filter(row => row.live !== null && row.live.verdict !== 'steady')
  // PostgreSQL's processes come and go with connections.
  const gone = rows.filter(row => row.live !== null && !row.isAlive)
  io.write(
    `${io.save({ options, machineCpuRatio: figures.machineCpuRatio, requests: figures.requests, rows, p99Ms: figures.p99Ms })}\n`,
  )
  if (figures.bad > 0) throw new Error(`not every answer was right: ${figures.bad} weren't`)
  if (gone.length > 0) throw new Error(`ended on the way: ${gone.map(({ name }) => name).join(', ')}`)
  if (drifting.length > 0) {
    const names = drifting.map(({ name, live }) => `${name} (${shownDrift(live)})`).join(', ')
    throw new Error(`live memory isn't within ± ${percent(TOLERANCE)} of the first window: ${names}`)
  }
  if (!rows.some(({ live }) => live !== null)) throw new Error('no process has told its live memory')
}

interface Measured {
  readonly courses: readonly ProcessCourse[]
  /** Since the epoch: end of the warm-up, and of the judged time. */
  readonly fromMs: number
  readonly toMs: number
  readonly requests: number
  readonly bad: number
  readonly p99Ms: number
  readonly machineCpuRatio: number
}

async function soak(io: BenchIo, target: SoakTarget, options: SoakOptions): Promise<Measured> {
  // Loaded here, so that listing the suites takes no time.
  const { default: autocannon } = await import('autocannon')
  const { judgedMs, warmupMs, rate, connections } = options
  const watch = new ProcessWatch(target.roots, LOOK_INTERVAL_MS)
  const settings: Options & { readonly overallRate: number } = {
    url: target.url,
    connections,
    overallRate: rate,
    // Longer than needed: it's stopped when the time is over, so that the last window has load to its end.
    duration: Math.ceil((warmupMs + judgedMs) / 1000) + 60,
  }
  const load = autocannon(settings)
  try {
    io.write(`  ${target.url}, ${rate} requests/s: ${warmupMs / 1000} s of warm-up\n`)
    await sleep(warmupMs, undefined, { signal: io.signal })
    watch.restart()
    const fromMs = Date.now()
    const before = machineTimes()
    for (let window = 1; window <= WINDOWS; window++) {
      await sleep(judgedMs / WINDOWS, undefined, { signal: io.signal })
      io.write(`  window ${window} of ${WINDOWS}\n`)
    }
    const toMs = Date.now()
    const after = machineTimes()
    watch.stop()
    load.stop()
    const result = await load
    return {
      courses: watch.courses,
      fromMs,
      toMs,
      requests: result.requests.total,
      bad: result.errors + result.timeouts + result.non2xx,
      p99Ms: result.latency.p99,
      machineCpuRatio: (after.busyMs - before.busyMs) / (after.allMs - before.allMs),
    }
  } finally {
    watch.stop()
    load.stop()
  }
}

function rowOf(course: ProcessCourse, probes: string, { fromMs, toMs }: Measured): SoakRow[] {
  const part = partOf(course.command)
  // What ended before it began is of the start, not of the soak.
  if (part === null || (course.resident.at(-1)?.atMs ?? 0) < fromMs) return []
  const samples = readLiveSamples(probes, course.pid)
  const inTime = course.resident.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
  return [
    {
      name: part,
      pid: course.pid,
      live: samples.length === 0 ? null : judgeLive(samples, fromMs, toMs),
      residentBytes: inTime.map(({ value }) => value),
      coreRatio: (course.lastCpuUs - course.firstCpuUs) / 1000 / (toMs - fromMs),
      isAlive: course.isAlive,
    },
  ]
}

function judgeLive(samples: readonly LiveSample[], fromMs: number, toMs: number): Steadiness {
  const values = samples.map(({ atMs, heapBytes, externalBytes }) => ({ atMs, value: heapBytes + externalBytes }))
  return judgeSteadiness(values, { fromMs, toMs, windows: WINDOWS, tolerance: TOLERANCE, floor: FLOOR_BYTES })
}

function renderRows(rows: readonly SoakRow[], figures: Measured): string {
  const cores = availableParallelism()
  const judged = rows.filter(({ live }) => live !== null)
  const others = Map.groupBy(
    rows.filter(({ live }) => live === null),
    ({ name }) => name,
  )
  const table = renderTable(
    [
      { heading: 'live memory', align: 'left', cell: ({ name, pid }) => `${name} ${pid}` },
      {
        heading: 'MiB, median of each window',
        align: 'left',
        cell: ({ live }) => live?.medians.map(value => mib(value)).join(' ') ?? '',
      },
      { heading: 'drift', align: 'right', cell: ({ live }) => shownDrift(live) },
      { heading: '', align: 'left', cell: ({ live }) => live?.verdict.toUpperCase().replace('STEADY', 'steady') ?? '' },
    ],
    judged,
  )
  const shares = renderTable(
    [
      { heading: 'resident', align: 'left', cell: ({ name, pid }) => `${name} ${pid}` },
      { heading: 'MiB', align: 'right', cell: ({ residentBytes }) => shownRange(residentBytes) },
      { heading: 'of the memory', align: 'right', cell: ({ residentBytes }) => percentOfMemory(residentBytes) },
      { heading: 'CPU, of a core', align: 'right', cell: ({ coreRatio }) => percent(coreRatio) },
      { heading: 'of the machine', align: 'right', cell: ({ coreRatio }) => percent(coreRatio / cores) },
      { heading: 'course', align: 'left', cell: ({ residentBytes }) => plot(residentBytes) },
    ],
    judged,
  )
  const rest = Array.from(others, ([name, group]) => {
    const cpu = group.reduce((sum, { coreRatio }) => sum + coreRatio, 0)
    return `  ${name}: ${group.length} processes without a probe, ${percent(cpu)} of a core\n`
  }).join('')
  return `${table}\n${shares}${rest}\n  ${number(figures.requests)} requests, p99 ${number(figures.p99Ms)} ms; the machine's cores were busy for ${percent(figures.machineCpuRatio)} of the time, everything else that runs included\n`
}

/** A few pages more or less shouldn't look like a mountain range. */
function plot(bytes: readonly number[]): string {
  return sparkline(bytes, { width: PLOT_WIDTH, leastRange: 0.05 * Math.max(...bytes) })
}

function shownDrift(live: Steadiness | null): string {
  return live === null || Number.isNaN(live.drift)
    ? '-'
    : `${live.drift < 0 ? '-' : '+'}${(Math.abs(live.drift) * 100).toFixed(1)} %`
}

function shownRange(bytes: readonly number[]): string {
  return bytes.length === 0 ? '-' : `${mib(Math.min(...bytes))} - ${mib(Math.max(...bytes))}`
}

function percentOfMemory(bytes: readonly number[]): string {
  const last = bytes.at(-1)
  return last === undefined ? '-' : `${((100 * last) / totalmem()).toFixed(1)} %`
}

function mib(bytes: number): string {
  return number(bytes / MIB, 1)
}

function machineTimes(): { busyMs: number; allMs: number } {
  const times = cpus().map(({ times }) => times)
  const allMs = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0)
  return { busyMs: allMs - times.reduce((sum, { idle }) => sum + idle, 0), allMs }
}

async function answersWell(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  await answer.arrayBuffer()
  return answer.status === 200
}

/** @throws Error that says what is allowed */
export function readOptions(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '3' },
      'warmup-seconds': { type: 'string', default: '60' },
      rate: { type: 'string', default: '300' },
      connections: { type: 'string', default: '50' },
      stack: { type: 'boolean', default: false },
    },
  })
  return {
    judgedMs: positive('--minutes', values.minutes) * 60_000,
    warmupMs: positive('--warmup-seconds', values['warmup-seconds']) * 1000,
    rate: Math.ceil(positive('--rate', values.rate)),
    connections: Math.ceil(positive('--connections', values.connections)),
    stack: values.stack,
  }
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`${flag} has to be a number above 0, not "${text}"`)
}
