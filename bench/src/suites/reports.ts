// The field reports' own tables: a service as they describe theirs before it was made fast, and ours, in turn in one run.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { CLAIMS, type ReportName, REPORTS } from '../field-reports/claims.ts'
import type { Effort, Measured } from '../field-reports/comparison.ts'
import type { DemoSize } from '../field-reports/databases.ts'
import type { RunResult } from '../field-reports/run.ts'
import { CROWDS, type ScenarioSizes } from '../field-reports/scenarios.ts'
import { renderClaims, renderCosts } from '../field-reports/tables.ts'
import { costPerRequest, judgeClaim, type JudgedClaim } from '../field-reports/verdicts.ts'
import { LESS_SAFE, MERCIES, NAIVE_POOL_SIZE, SINS } from '../naive/setting.ts'
import { number } from '../report.ts'
import type { BenchIo, Suite } from '../suite.ts'

const ROUNDS = 8
const MAX_DISTANCE_MS = 1000
const FULL: Omit<Settings, 'reports' | 'distanceMs'> = {
  size: 'full',
  scenarios: { loaded: 60, cached: 20, visitors: 60, accounts: 20, signUps: 640 },
  workers: null,
  effort: { rounds: ROUNDS, turnMs: 800, newPerTurn: 40, warmupPasses: 6 },
}
const QUICK: Omit<Settings, 'reports' | 'distanceMs'> = {
  size: 'small',
  scenarios: { loaded: 3, cached: 3, visitors: 3, accounts: 5, signUps: 4 },
  workers: 1,
  effort: { rounds: 1, turnMs: 40, newPerTurn: 2, warmupPasses: 0 },
}

interface Settings {
  readonly reports: readonly ReportName[]
  readonly size: DemoSize
  readonly scenarios: ScenarioSizes
  readonly effort: Effort
  readonly distanceMs: number
  readonly workers: number | null
}

export const suite: Suite = {
  name: 'reports',
  summary:
    "the field reports' tables: a service as they describe theirs, and ours, interleaved, with the claims beside",
  options: [
    `--report NAME  One report: ${Object.keys(REPORTS).join(', ')}. Default: all`,
    `--rounds N     Interleaved rounds. Default: ${ROUNDS}`,
    '--distance N   Milliseconds that the database is further away from both, one way. Default: 0',
    '--quick        Small data, one short round: shows that it works, not how fast it is',
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const settings = readSettings(io.args)
  // Loaded here, so that listing the suites takes no time.
  const { measureServices } = await import('../field-reports/run.ts')
  const claims = CLAIMS.filter(({ report }) => settings.reports.includes(report))
  const { measured, ...setting } = await measureServices(io, { ...settings, claims })
  const judged = CROWDS.flatMap(crowd => claims.map(claim => judgeClaim(claim, crowd, measured))).filter(
    one => one !== null,
  )
  io.write(`\n${renderSetting(settings, setting)}\n`)
  for (const report of settings.reports) io.write(`${renderReport(report, judged)}\n`)
  io.write(`${CROWDS.map(crowd => renderCosts(measured, crowd)).join('\n')}\n`)
  const { reports: _, ...effort } = settings
  io.write(
    `${io.save({ ...effort, naive: { poolSize: NAIVE_POOL_SIZE, sins: SINS, mercies: MERCIES, lessSafe: LESS_SAFE }, ...setting, claims: judged, figures: figuresOf(measured) })}\n`,
  )
}

function renderReport(report: ReportName, judged: readonly JudgedClaim[]): string {
  const tables = CROWDS.flatMap(crowd => {
    const rows = judged.filter(one => one.claim.report === report && one.crowd === crowd)
    return rows.length === 0 ? [] : [renderClaims(crowd, rows)]
  })
  return `${REPORTS[report]}\n${tables.join('\n')}`
}

function renderSetting(
  { distanceMs, workers }: Settings,
  { droppedIndexes, roundTripMs }: Omit<RunResult, 'measured'>,
): string {
  const cores = availableParallelism()
  return [
    `before: one process, ${NAIVE_POOL_SIZE} connections, ${number(droppedIndexes.length)} indexes fewer`,
    `ours:   a balancer, a supervisor and ${workers ?? Math.max(2, cores)} workers, with the defaults of production, without limits per address`,
    `both:   one PostgreSQL, the same rows, ${cores} cores for everything, load included`,
    `        ${number(roundTripMs, 2)} ms to the database and back${distanceMs === 0 ? '' : `: it is ${distanceMs} ms further away, one way`}`,
    '',
  ].join('\n')
}

function figuresOf(measured: readonly Measured[]) {
  return measured.map(one => ({
    ...one,
    cpuUsPerRequest: { before: costPerRequest(one.before), after: costPerRequest(one.after) },
  }))
}

function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      report: { type: 'string' },
      rounds: { type: 'string' },
      distance: { type: 'string', default: '0' },
      quick: { type: 'boolean', default: false },
    },
  })
  const basis = values.quick ? QUICK : FULL
  const rounds = values.rounds === undefined ? basis.effort.rounds : Number(values.rounds)
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`--rounds has to be a whole number above 0, not "${values.rounds}"`)
  }
  const distanceMs = Number(values.distance)
  if (!(distanceMs >= 0 && distanceMs <= MAX_DISTANCE_MS)) {
    throw new Error(`--distance has to be a number from 0 to ${MAX_DISTANCE_MS}, not "${values.distance}"`)
  }
  return { ...basis, reports: chosenReports(values.report), effort: { ...basis.effort, rounds }, distanceMs }
}

function chosenReports(name: string | undefined): readonly ReportName[] {
  const all = Object.keys(REPORTS) as ReportName[]
  if (name === undefined) return all
  const found = all.find(report => report === name)
  if (found === undefined) throw new Error(`--report: there is no "${name}"; there are: ${all.join(', ')}`)
  return [found]
}
