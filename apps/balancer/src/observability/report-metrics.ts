// What endpoints report of their load, as Prometheus sees it: figures of fresh reports alone, so that an endpoint which falls silent has a gap
// and not a flat line. What a report doesn't say has no sample.
import type { LoadReport } from '@plimsoll/load-report'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { Exposition } from './exposition.ts'

/** What is shown of reports. */
export interface ReportFigures {
  /** What became of all that came. */
  readonly counts: Readonly<Record<string, number>>
  /** Whether they're ignored, since more than half of the fleet says it's in trouble. */
  isPanicking(): boolean
  /** The last report, if it counts. */
  of(endpoint: Endpoint): LoadReport | null
}

const GAUGES: readonly (readonly [name: string, help: string, value: (report: LoadReport) => number])[] = [
  [
    'lb_worker_utilization_ratio',
    'Share of its capacity that the endpoint says is in use; more than 1 is allowed.',
    report => report.utilization,
  ],
  [
    'lb_worker_loop_delay_p99_seconds',
    "99th percentile of the delay of the endpoint's event loop, as it reports.",
    report => report.loopDelayP99Ms / 1000,
  ],
  ['lb_worker_heap_utilization_ratio', 'Heap in use of its limit, as the endpoint reports.', r => r.heapUtilization],
  ['lb_worker_gc_ratio', 'Share of its time in garbage collection, as the endpoint reports.', r => r.gcRatio],
  [
    'lb_worker_db_waiting',
    'Requests that wait for a database connection, as the endpoint reports.',
    r => r.databaseWaiting,
  ],
  [
    'lb_worker_pressure_level',
    'Memory pressure as the endpoint reports: 0 normal, 1 warning, 2 critical, 3 emergency.',
    report => report.pressure,
  ],
]

export function renderReports(out: Exposition, endpoints: readonly Endpoint[], figures: ReportFigures): void {
  const reports = endpoints.map(endpoint => [endpoint.id, figures.of(endpoint)] as const)
  for (const [name, help, value] of GAUGES) {
    out.metric(name, 'gauge', help)
    for (const [server, report] of reports) {
      const figure = report === null ? Number.NaN : value(report)
      if (!Number.isNaN(figure)) out.sample(name, { server }, figure)
    }
  }
  out.metric('lb_worker_weight_ratio', 'gauge', 'Part of its weight that its reports leave the endpoint.')
  for (const { id, reportRatio } of endpoints) out.sample('lb_worker_weight_ratio', { server: id }, reportRatio)
  out.tally(
    'lb_reports_total',
    'Load reports in answers: taken, the same as the last, older than the last, from somebody not trusted, not readable.',
    'result',
    new Map(Object.entries(figures.counts)),
  )
  out
    .metric(
      'lb_reports_ignored',
      'gauge',
      '1 while more than half of the fleet reports trouble, so that nobody is reduced.',
    )
    .sample('lb_reports_ignored', {}, figures.isPanicking() ? 1 : 0)
}
