// The recycle drill for people: what failed and what was lost, how long replacements took.
import { type Column, number, renderTable } from '../../../src/report.ts'
import { LATE_MS } from '../verdict.ts'
import type { RecyclePhaseResult, RecycleResult, RecycleTimes } from './recycle-drill.ts'

export function renderRecycleDrill(result: RecycleResult): string {
  return [
    `\n${result.plan} recycle drill, seed ${result.seed}\n\n`,
    renderTable(PHASE_COLUMNS, result.phases),
    renderFailures(result.phases),
    '\n',
    renderTable(TIME_COLUMNS, result.phases),
    '\n',
    result.recycles.length > 0 ? `${renderTable(RECYCLE_COLUMNS, result.recycles)}\n` : '',
    renderTimes(result),
    renderLateness(result.phases),
    renderMisses(result),
  ].join('')
}

const PHASE_COLUMNS: readonly Column<RecyclePhaseResult>[] = [
  { heading: 'phase', align: 'left', cell: ({ phase }) => phase.name },
  { heading: 'seconds', align: 'right', cell: ({ durationMs }) => seconds(durationMs) },
  { heading: 'requests', align: 'right', cell: ({ tally }) => number(tally.sent) },
  { heading: 'failed', align: 'right', cell: ({ tally }) => String(tally.failed) },
  { heading: 'of them with the killed one', align: 'right', cell: ({ tally }) => String(tally.unavoidable) },
  { heading: 'done twice', align: 'right', cell: ({ tally }) => String(tally.executedTwice) },
  { heading: 'sent twice', align: 'right', cell: ({ tally }) => String(tally.sentTwice) },
  { heading: 'lost', align: 'right', cell: ({ tally }) => String(tally.acknowledgedNotDone) },
  { heading: 'done though failed', align: 'right', cell: ({ tally }) => String(tally.executedThoughFailed) },
  { heading: 'tries', align: 'right', cell: ({ tally }) => number(tally.executionsPerRequest, 3) },
  { heading: 'least ready', align: 'right', cell: ({ leastReady }) => String(leastReady) },
  { heading: '', align: 'left', cell: ({ misses }) => (misses.length === 0 ? 'met' : 'NOT MET') },
]

const TIME_COLUMNS: readonly Column<RecyclePhaseResult>[] = [
  { heading: 'ms', align: 'left', cell: ({ phase }) => phase.name },
  { heading: 'GET p50', align: 'right', cell: ({ tally }) => number(tally.getP50Ms, 1) },
  { heading: 'p99', align: 'right', cell: ({ tally }) => number(tally.getP99Ms, 1) },
  { heading: 'POST p50', align: 'right', cell: ({ tally }) => number(tally.postP50Ms, 1) },
  { heading: 'p99', align: 'right', cell: ({ tally }) => number(tally.postP99Ms, 1) },
  { heading: 'max of all', align: 'right', cell: ({ tally }) => number(tally.maxMs) },
  { heading: 'generator late p99', align: 'right', cell: ({ tally }) => number(tally.lagP99Ms, 1) },
]

const RECYCLE_COLUMNS: readonly Column<RecycleTimes>[] = [
  { heading: 'recycled', align: 'left', cell: ({ worker }) => worker },
  { heading: 's until replaced', align: 'right', cell: ({ replacedMs }) => optionalSeconds(replacedMs) },
  { heading: 'until gone', align: 'right', cell: ({ endedMs }) => optionalSeconds(endedMs) },
  { heading: 'why', align: 'left', cell: ({ reason, detail }) => `${reason}: ${detail}` },
]

function renderFailures(phases: readonly RecyclePhaseResult[]): string {
  return phases
    .filter(({ tally }) => tally.failed > 0)
    .map(({ phase, tally }) => {
      const kinds = Object.entries(tally.failures).map(([kind, count]) => `${count} × ${kind}`)
      const first = tally.failedRequests
        .slice(0, 3)
        .map(({ id, method, kind, detail, tookMs }) => `    ${method} ${id}: ${kind} after ${tookMs} ms ${detail}\n`)
      return `  ${phase.name}: ${kinds.join(', ')}\n${first.join('')}`
    })
    .join('')
}

function renderTimes({ rolledMs, killed }: RecycleResult): string {
  const lines: string[] = []
  if (rolledMs !== null) lines.push(`SIGHUP: all replaced after ${seconds(rolledMs)} s`)
  if (killed) {
    lines.push(`kill -9: gone after ${number(killed.goneMs)} ms, all ready again after ${seconds(killed.wholeMs)} s`)
  }
  return lines.map(line => `  ${line}\n`).join('')
}

function renderLateness(phases: readonly RecyclePhaseResult[]): string {
  return phases
    .filter(({ tally }) => tally.lagP99Ms > LATE_MS)
    .map(
      ({ phase, tally }) =>
        `*** THE GENERATOR WAS LATE in "${phase.name}", by ${number(tally.lagP99Ms)} ms at p99: other programs had the machine, and the latencies say little\n`,
    )
    .join('')
}

function renderMisses({ misses }: RecycleResult): string {
  if (misses.length === 0) return '\n  nothing was lost\n'
  return `\n${misses.map(({ phase, what }) => `  NOT MET, ${phase}: ${what}\n`).join('')}`
}

function optionalSeconds(ms: number | null): string {
  return ms === null ? '-' : seconds(ms)
}

function seconds(ms: number): string {
  return number(ms / 1000, 1)
}
