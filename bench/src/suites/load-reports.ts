// What load reports are worth for routing: one slow and one collecting worker among three, and the balancer with and without their reports.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { judge, type PairedRatio, pairedRatio, renderRatio } from '../paired.ts'
import {
  ROUTING_CANDIDATES,
  type RoutingCandidate,
  type RunningRoutingCandidate,
  startCandidate,
} from '../load-reports/candidates.ts'
import { Fleet } from '../load-reports/fleet.ts'
import { type OpenLoopFigures, runOpenLoop } from '../load-reports/open-loop.ts'
import { simulate, type SimulatedFigures } from '../load-reports/simulation.ts'
import type { Behaviour, WorkerFigures } from '../load-reports/worker-protocol.ts'
import { number, percent, renderTable } from '../report.ts'
import { interleave } from '../rounds.ts'
import { median } from '../statistics.ts'
import type { BenchIo, Suite } from '../suite.ts'

/** Long enough that what the balancer and the generator need beside it is little. */
const HOLD_MS = 5
/** The collecting one stops for 70 ms and more behind every hundredth request: about once a second. */
const BEHAVIOURS: readonly Behaviour[] = [
  { name: 'steady', holdMs: HOLD_MS, keptMib: 0, collectEvery: 0 },
  { name: 'slow', holdMs: 3 * HOLD_MS, keptMib: 0, collectEvery: 0 },
  { name: 'collecting', holdMs: HOLD_MS, keptMib: 64, collectEvery: 100 },
]
/** Of the requests per second that the three could answer together if nothing but their work took time. */
const LOAD_RATIO = 0.65
const CAPACITY_PER_SECOND = BEHAVIOURS.reduce((sum, { holdMs }) => sum + 1000 / holdMs, 0)
/** Strategies that are simulated before the balancer is measured, and the pause that collections make there. */
const SIMULATED = ['least-connections', 'peak-ewma', 'least-loaded'] as const
const SIMULATED_PAUSE_MS = 70
const SIMULATED_MS = 300_000
/** After so long of steady reports `least-loaded` uses them. */
const REPORTS_COUNT_AFTER_MS = 10_500
const ROUNDS = 8
/** Above this, the generator had no time to send when it should have: the tails are the machine's. */
const LATE_MS = 5

interface Settings {
  readonly rounds: number
  readonly measureMs: number
  readonly warmupMs: number
  readonly requestsPerSecond: number
  readonly candidates: readonly RoutingCandidate[]
  readonly behaviours: readonly Behaviour[]
  readonly settleMs: number
  readonly simulatedMs: number
}

interface Turn extends OpenLoopFigures {
  readonly workers: Readonly<Record<string, WorkerFigures>>
}

interface Row {
  readonly name: string
  readonly turns: readonly Turn[]
}

export const suite: Suite = {
  name: 'load-reports',
  summary:
    'routing by load reports beside least-connections and peak-ewma, with a slow and a collecting worker of three',
  options: [
    `--only NAMES   Candidates, comma-separated: ${ROUTING_CANDIDATES.map(candidate => candidate.name).join(', ')}`,
    `--rounds N     Interleaved rounds. Default: ${ROUNDS}`,
    '--seconds N    Measured time per turn. Default: 10',
    `--load RATIO   Requests per second, of the ${number(CAPACITY_PER_SECOND)} that the workers can answer. Default: ${LOAD_RATIO}`,
    '--quick        Short and few rounds: shows that it works, not how good it is',
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const settings = readSettings(io.args)
  const simulated = SIMULATED.map(name => ({ name, ...simulateOne(name, settings) }))
  io.write(`${renderSimulated(simulated)}\n`)
  const fleet = await Fleet.start(io, settings.behaviours)
  const balancers: RunningRoutingCandidate[] = []
  try {
    for (const candidate of settings.candidates) {
      balancers.push(await startCandidate(io, candidate, fleet.workers))
      io.write(`  ${candidate.name}: answers are right\n`)
    }
    const turns = settings.rounds * balancers.length
    const seconds = (settings.settleMs + turns * (settings.warmupMs + settings.measureMs)) / 1000
    io.write(`\n${number(settings.requestsPerSecond)} requests/s, ${turns} turns, about ${number(seconds)} s\n`)
    await sleep(settings.settleMs, undefined, { signal: io.signal })
    const rows = await measure(io, fleet, balancers, settings)
    const ratios = compare(rows)
    io.write(`\n${renderRows(rows)}\n${renderWorkers(rows)}\n${renderRatios(ratios)}`)
    warnIfLate(io, rows)
    const { candidates, behaviours, ...effort } = settings
    io.write(`\n${io.save({ effort, candidates, behaviours, simulated, ratios, rows })}\n`)
  } finally {
    await Promise.all(balancers.map(balancer => balancer.stop()))
    await fleet.stop()
  }
}

function simulateOne(
  strategy: (typeof SIMULATED)[number],
  { behaviours, requestsPerSecond, simulatedMs }: Settings,
): SimulatedFigures {
  return simulate(strategy, { behaviours, requestsPerSecond, pauseMs: SIMULATED_PAUSE_MS, forMs: simulatedMs, seed: 1 })
}

async function measure(
  io: BenchIo,
  fleet: Fleet,
  balancers: readonly RunningRoutingCandidate[],
  { rounds, requestsPerSecond, warmupMs, measureMs }: Settings,
): Promise<Row[]> {
  const rows = new Map(balancers.map(({ name }) => [name, [] as Turn[]]))
  for (const { round, candidate } of interleave(balancers, rounds)) {
    const figures = await runOpenLoop({
      port: candidate.port,
      requestsPerSecond,
      warmupMs,
      measureMs,
      seed: round,
      onMeasuring: () => fleet.begin(),
      signal: io.signal,
    })
    rows.get(candidate.name)?.push({ ...figures, workers: Object.fromEntries(await fleet.figures()) })
  }
  return Array.from(rows, ([name, turns]) => ({ name, turns }))
}

const QUANTILES = { p50: 'p50Ms', p99: 'p99Ms', 'p99.9': 'p999Ms' } as const

interface Comparison {
  readonly name: string
  readonly reference: string
  readonly ratios: Readonly<Record<string, PairedRatio>>
}

function compare([reference, ...others]: readonly Row[]): Comparison[] {
  if (!reference) return []
  return others.map(row => ({
    name: row.name,
    reference: reference.name,
    ratios: Object.fromEntries(
      Object.entries(QUANTILES).map(([name, key]) => [
        name,
        pairedRatio(
          row.turns.map(turn => turn[key]),
          reference.turns.map(turn => turn[key]),
        ),
      ]),
    ),
  }))
}

function middle({ turns }: Row, of: (turn: Turn) => number): number {
  return median(turns.map(of))
}

function failed(turn: Turn): number {
  return Object.values(turn.failed).reduce((sum, count) => sum + count, 0)
}

function renderRows(rows: readonly Row[]): string {
  const share = (row: Row, worker: string) => percent(middle(row, turn => (turn.byWorker[worker] ?? 0) / turn.requests))
  return renderTable<Row>(
    [
      { heading: 'latency in ms', align: 'left', cell: row => row.name },
      {
        heading: 'p50',
        align: 'right',
        cell: row =>
          number(
            middle(row, turn => turn.p50Ms),
            1,
          ),
      },
      {
        heading: 'p99',
        align: 'right',
        cell: row =>
          number(
            middle(row, turn => turn.p99Ms),
            1,
          ),
      },
      {
        heading: 'p99.9',
        align: 'right',
        cell: row =>
          number(
            middle(row, turn => turn.p999Ms),
            1,
          ),
      },
      {
        heading: 'failed',
        align: 'right',
        cell: row => number(row.turns.reduce((sum, turn) => sum + failed(turn), 0)),
      },
      ...BEHAVIOURS.map(({ name }) => ({
        heading: `to ${name}`,
        align: 'right' as const,
        cell: (row: Row) => share(row, name),
      })),
      {
        heading: 'sent late, p99',
        align: 'right',
        cell: row =>
          number(
            middle(row, turn => turn.lagP99Ms),
            1,
          ),
      },
    ],
    rows,
  )
}

function renderSimulated(rows: readonly (SimulatedFigures & { readonly name: string })[]): string {
  return renderTable<(typeof rows)[number]>(
    [
      { heading: 'simulated, latency in ms', align: 'left', cell: row => row.name },
      { heading: 'p50', align: 'right', cell: row => number(row.p50Ms, 1) },
      { heading: 'p99', align: 'right', cell: row => number(row.p99Ms, 1) },
      { heading: 'p99.9', align: 'right', cell: row => number(row.p999Ms, 1) },
      ...BEHAVIOURS.map(({ name }) => ({
        heading: `to ${name}`,
        align: 'right' as const,
        cell: (row: (typeof rows)[number]) => percent(row.byWorker[name] ?? 0),
      })),
    ],
    rows,
  )
}

function renderWorkers(rows: readonly Row[]): string {
  const of = (row: Row, worker: string, figure: (figures: WorkerFigures) => number) =>
    middle(row, turn => figure(turn.workers[worker] as WorkerFigures))
  return renderTable<Row>(
    [
      { heading: 'busy', align: 'left', cell: row => row.name },
      ...BEHAVIOURS.map(({ name }) => ({
        heading: name,
        align: 'right' as const,
        cell: (row: Row) => percent(of(row, name, figures => figures.utilization)),
      })),
      {
        heading: 'major collections',
        align: 'right',
        cell: row => number(of(row, 'collecting', figures => figures.majorCollections)),
      },
      {
        heading: 'longest pause, ms',
        align: 'right',
        cell: row =>
          number(
            of(row, 'collecting', figures => figures.longestPauseMs),
            1,
          ),
      },
    ],
    rows,
  )
}

function renderRatios(comparisons: readonly Comparison[]): string {
  return renderTable<Comparison>(
    [
      { heading: `of ${comparisons[0]?.reference ?? ''}'s`, align: 'left', cell: one => one.name },
      ...Object.keys(QUANTILES).map(name => ({
        heading: name,
        align: 'right' as const,
        cell: ({ ratios }: Comparison) => renderRatio(ratios[name] as PairedRatio),
      })),
      {
        heading: 'p99 no worse',
        align: 'left',
        cell: ({ ratios }) => judge(ratios['p99'] as PairedRatio, { atMost: 1 }),
      },
    ],
    comparisons,
  )
}

function warnIfLate(io: BenchIo, rows: readonly Row[]): void {
  for (const row of rows) {
    const lateMs = middle(row, turn => turn.lagP99Ms)
    if (lateMs > LATE_MS)
      io.write(`*** ${row.name}: requests were sent ${number(lateMs, 1)} ms late (p99): other programs had the cores\n`)
  }
}

function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      load: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  const { quick } = values
  const rounds = positive('--rounds', values.rounds, quick ? 1 : ROUNDS)
  if (!Number.isInteger(rounds)) throw new Error(`--rounds has to be a whole number, not "${values.rounds}"`)
  return {
    rounds,
    measureMs: positive('--seconds', values.seconds, quick ? 0.5 : 10) * 1000,
    warmupMs: quick ? 200 : 3000,
    settleMs: quick ? 0 : REPORTS_COUNT_AFTER_MS,
    simulatedMs: quick ? 5000 : SIMULATED_MS,
    requestsPerSecond: positive('--load', values.load, LOAD_RATIO) * CAPACITY_PER_SECOND,
    candidates: choose(values.only),
    behaviours: quick ? BEHAVIOURS.map(one => ({ ...one, keptMib: one.keptMib / 16 })) : BEHAVIOURS,
  }
}

function positive(flag: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!(value > 0 && value < Infinity)) throw new Error(`${flag} has to be a number above 0, not "${text}"`)
  return value
}

function choose(names: string | undefined): readonly RoutingCandidate[] {
  if (names === undefined) return ROUTING_CANDIDATES
  return names.split(',').map(name => {
    const found = ROUTING_CANDIDATES.find(one => one.name === name.trim())
    if (found) return found
    const all = ROUTING_CANDIDATES.map(one => one.name).join(', ')
    throw new Error(`--only: there is no "${name}"; there are: ${all}`)
  })
}
