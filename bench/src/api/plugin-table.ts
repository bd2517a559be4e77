// The parts' costs as tables, and the verdict.
import { judge, pairedRatio, type PairedRatio, renderRatio } from '../paired.ts'
import { type Column, number, percent, renderTable } from '../report.ts'
import { median } from '../statistics.ts'
import { ALL, BARE, type MeasuredVariant, PLUGIN_CONNECTIONS, type PluginResult } from './plugin-part.ts'

/** Of a bare route's requests per second, for a cached read. */
export const GOAL = 0.5
/** Below this, a worker's wake-ups are in its figures. */
const BUSY = 0.8

interface Row {
  readonly name: string
  readonly kind: string
  readonly cpuUs: number | null
  readonly leastUs: number | null
  readonly ratio: PairedRatio | null
  readonly differenceUs: number
  readonly bodyBytes: number | null
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: 'alone in a bare Fastify', align: 'left', cell: row => row.name },
  { heading: 'of the', align: 'left', cell: row => row.kind },
  { heading: 'CPU µs per request', align: 'right', cell: row => (row.cpuUs === null ? '' : number(row.cpuUs, 1)) },
  { heading: 'least', align: 'right', cell: row => (row.leastUs === null ? '' : number(row.leastUs, 1)) },
  { heading: 'of bare', align: 'right', cell: row => (row.ratio === null ? '' : renderRatio(row.ratio)) },
  { heading: 'difference, µs', align: 'right', cell: row => signed(row.differenceUs) },
  { heading: 'bytes sent', align: 'right', cell: row => (row.bodyBytes === null ? '' : number(row.bodyBytes)) },
]
const KINDS = { reference: '', server: 'server', route: 'route', plugin: 'plugin', whole: '' } as const

export function renderPlugins({ workloads, busy, keptOff }: PluginResult): string {
  const setting = `one worker on a core of its own, ${PLUGIN_CONNECTIONS} connections over its Unix socket, cached reads; ratios are of turns next to each other, medians of the rounds with their 95 % interval, and µs those of bare times the ratio`
  const noise = `workers were on their core for ${percent(median(busy))} of the time, and kept off it by others for ${percent(median(keptOff))}${median(busy) < BUSY ? ': A WAITING WORKER PAYS FOR WAKE-UPS' : ''}`
  const tables = workloads.map(
    ({ workload, variants }) => `\n${workload.name}: GET ${workload.path}\n${renderTable(COLUMNS, rowsOf(variants))}`,
  )
  return `\n  ${setting}\n  ${noise}\n${tables.join('')}\n${renderVerdict(workloads[0]?.variants ?? [])}`
}

/** Which share of a bare route's requests per second a worker with everything reaches: the inverse of CPU times. */
export function verdictOf(variants: readonly MeasuredVariant[]): PairedRatio {
  const ratios = variants.find(({ variant }) => variant.name === ALL)?.ratios ?? []
  return pairedRatio(
    ratios.map(() => 1),
    ratios,
  )
}

function renderVerdict(variants: readonly MeasuredVariant[]): string {
  const share = verdictOf(variants)
  const least = (name: string) => variants.find(({ variant }) => variant.name === name)?.leastUs ?? Number.NaN
  const text = `${percent(share.median)} (${percent(share.low)} to ${percent(share.high)}; by the cheapest turns ${percent(least(BARE) / least(ALL))})`
  return `  a worker with all of them on reaches ${text} of the requests/s of a bare Fastify route for a cached read; goal ≥ ${percent(GOAL)}: ${judge(share, { atLeast: GOAL })}\n`
}

function rowsOf(variants: readonly MeasuredVariant[]): Row[] {
  const bareUs = median(variants.find(({ variant }) => variant.name === BARE)?.cpuUs ?? [])
  const rows = variants.map(({ variant, ratios, leastUs, bodyBytes }) => {
    const ratio = pairedRatio(
      ratios,
      ratios.map(() => 1),
    )
    return {
      name: variant.name,
      kind: KINDS[variant.kind],
      cpuUs: bareUs * ratio.median,
      leastUs,
      ratio,
      differenceUs: bareUs * (ratio.median - 1),
      bodyBytes,
    }
  })
  const parts = rows.filter(({ kind }) => kind !== '')
  const sum = {
    name: 'sum of the parts alone',
    kind: '',
    cpuUs: null,
    leastUs: null,
    ratio: null,
    differenceUs: parts.reduce((sum, { differenceUs }) => sum + differenceUs, 0),
    bodyBytes: null,
  }
  return [...rows.slice(0, -1), sum, ...rows.slice(-1)]
}

function signed(us: number): string {
  return `${us < 0 ? '-' : '+'}${number(Math.abs(us), 1)}`
}
