// The drill for people: a table of what failed and what held, one of latencies, and for several proxies one beside the other.
import { type Column, number, renderTable } from '../../src/report.ts'
import type { DrillResult, PhaseResult } from './drill.ts'
import { LATE_MS, percentage } from './verdict.ts'

export function renderDrill(result: DrillResult): string {
  return [
    `\n${result.proxy} ${result.version}, ${result.plan} drill, seed ${result.seed}\n\n`,
    renderTable(failureColumns(result), result.phases),
    renderKinds(result.phases),
    '\n',
    renderTable(TIME_COLUMNS, result.phases),
    '\n',
    renderSockets(result),
    `  CPU, of one core: generator ${percentage(result.generatorCpu)}, proxy ${percentage(result.proxyCpu)}\n`,
    renderDying(result),
    renderLateness(result),
    renderMisses(result),
  ].join('')
}

/** Failed requests by phase, a column per proxy. */
export function renderComparison(results: readonly DrillResult[]): string {
  const [first] = results
  if (!first) return ''
  const columns: Column<PhaseResult>[] = [
    { heading: 'failed', align: 'left', cell: ({ phase }) => phase.name },
    ...results.map((result): Column<PhaseResult> => ({
      heading: result.proxy,
      align: 'right',
      cell: ({ phase }) => {
        const tally = result.phases.find(other => other.phase.name === phase.name)?.tally
        return tally ? percentage(ratio(tally.failed, tally.sent)) : ''
      },
    })),
    { heading: 'to reach', align: 'right', cell: ({ phase }) => percentage(phase.limits.failedRatio) },
  ]
  return `\n${renderTable(columns, first.phases)}`
}

/** Where limits aren't judged they aren't shown. */
function failureColumns({ judgesLimits }: DrillResult): Column<PhaseResult>[] {
  return FAILURE_COLUMNS.filter(column => judgesLimits || column.heading !== TO_REACH)
}

const TO_REACH = 'to reach'
const FAILURE_COLUMNS: readonly Column<PhaseResult>[] = [
  { heading: 'phase', align: 'left', cell: ({ phase }) => phase.name },
  { heading: 'sent', align: 'right', cell: ({ tally }) => number(tally.sent) },
  { heading: 'failed', align: 'right', cell: ({ tally }) => String(tally.failed) },
  { heading: '', align: 'right', cell: ({ tally }) => percentage(ratio(tally.failed, tally.sent)) },
  { heading: TO_REACH, align: 'right', cell: ({ phase }) => percentage(phase.limits.failedRatio) },
  { heading: 'back', align: 'right', cell: ({ tally }) => optionalPercentage(tally.backRatio) },
  { heading: TO_REACH, align: 'right', cell: ({ phase }) => optionalPercentage(phase.limits.backRatio) },
  { heading: 'twice', align: 'right', cell: ({ tally }) => String(tally.executedTwice) },
  { heading: 'wrong', align: 'right', cell: ({ tally }) => String(tally.wrong) },
  { heading: 'hung', align: 'right', cell: ({ tally }) => String(tally.hung) },
  { heading: 'not done', align: 'right', cell: ({ tally }) => String(tally.acknowledgedNotDone) },
  { heading: 'done though failed', align: 'right', cell: ({ tally }) => String(tally.executedThoughFailed) },
  { heading: 'tries', align: 'right', cell: ({ tally }) => number(tally.executionsPerRequest, 2) },
  { heading: '', align: 'left', cell: ({ misses }) => (misses.length === 0 ? 'met' : 'NOT MET') },
]

const TIME_COLUMNS: readonly Column<PhaseResult>[] = [
  { heading: 'ms', align: 'left', cell: ({ phase }) => phase.name },
  { heading: 'p50', align: 'right', cell: ({ tally }) => number(tally.p50Ms, 1) },
  {
    heading: "others' p50",
    align: 'right',
    cell: ({ tally }) => (tally.othersP50Ms === null ? '' : number(tally.othersP50Ms, 1)),
  },
  { heading: 'p99', align: 'right', cell: ({ tally }) => number(tally.p99Ms, 1) },
  { heading: 'max', align: 'right', cell: ({ tally }) => number(tally.maxMs) },
  { heading: 'generator late p99', align: 'right', cell: ({ tally }) => number(tally.lagP99Ms, 1) },
]

function renderKinds(phases: readonly PhaseResult[]): string {
  return phases
    .filter(({ tally }) => tally.failed > 0)
    .map(({ phase, tally }) => {
      const kinds = Object.entries(tally.failures)
        .toSorted(([, a], [, b]) => b - a)
        .map(([kind, count]) => `${count} × ${kind}`)
      kinds.push(`${tally.failedGets} of them GETs`)
      if (tally.unavoidable > 0) kinds.push(`${tally.unavoidable} POSTs with the killed one, which nobody could save`)
      const details = tally.wrongDetails.map(detail => `    ${detail}\n`)
      return `  ${phase.name}: ${kinds.join(', ')}\n${details.join('')}`
    })
    .join('')
}

function renderSockets({ socketsAfter, stray }: DrillResult): string {
  const lines = stray.map(detail => `  ${detail}\n`)
  if (!socketsAfter) return `  sockets afterwards: not known on this system\n${lines.join('')}`
  const { listening, upstream, upstreamClosing, client } = socketsAfter
  return `  sockets afterwards: ${listening} listening, ${upstream} idle to upstreams, ${upstreamClosing} to upstreams that have closed, ${client} of clients\n${lines.join('')}`
}

function renderDying({ dyingMs }: DrillResult): string {
  return dyingMs === null ? '' : `  the killed one took ${number(dyingMs)} ms to be gone\n`
}

function renderLateness({ phases }: DrillResult): string {
  return phases
    .filter(({ tally }) => tally.lagP99Ms > LATE_MS)
    .map(
      ({ phase, tally }) =>
        `*** THE GENERATOR WAS LATE in "${phase.name}", by ${number(tally.lagP99Ms)} ms at p99: other programs had the machine, and the figures say little\n`,
    )
    .join('')
}

function renderMisses({ misses, judgesLimits }: DrillResult): string {
  if (misses.length === 0)
    return judgesLimits ? '\n  every figure is met\n' : '\n  nothing that must never happen has\n'
  return `\n${misses.map(({ phase, what }) => `  NOT MET, ${phase}: ${what}\n`).join('')}`
}

function optionalPercentage(value: number | null): string {
  return value === null ? '' : percentage(value)
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
