// The parts' costs as tables, and the verdict.
import { intervalName, judge, pairedRatio, type PairedRatio, renderRatio } from '../paired.ts'
import { type Column, number, percent, renderTable } from '../report.ts'
import { median } from '../statistics.ts'
import { ALL, BARE, CACHED_READ, type MeasuredVariant, PLUGIN_CONNECTIONS, type PluginResult } from './plugin-part.ts'

/** Of the requests per second of a bare Fastify route for a cached read. */
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
  readonly requestsPerSecond: number | null
  readonly bodyBytes: number | null
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: 'alone in a bare Fastify', align: 'left', cell: row => row.name },
  { heading: 'of the', align: 'left', cell: row => row.kind },
  { heading: 'CPU µs per request', align: 'right', cell: row => (row.cpuUs === null ? '' : number(row.cpuUs, 1)) },
  { heading: 'least', align: 'right', cell: row => (row.leastUs === null ? '' : number(row.leastUs, 1)) },
  { heading: 'of bare', align: 'right', cell: row => (row.ratio === null ? '' : renderRatio(row.ratio)) },
  { heading: 'difference, µs', align: 'right', cell: row => signed(row.differenceUs) },
  {
    heading: 'requests/s',
    align: 'right',
    cell: row => (row.requestsPerSecond === null ? '' : number(row.requestsPerSecond)),
  },
  { heading: 'bytes sent', align: 'right', cell: row => (row.bodyBytes === null ? '' : number(row.bodyBytes)) },
]
const KINDS = { reference: '', server: 'server', route: 'route', plugin: 'plugin', whole: '' } as const

export function renderPlugins({ workloads, busy, keptOff }: PluginResult): string {
  const rounds = workloads[0]?.variants[0]?.ratios.length ?? 0
  const setting = `one worker on a core of its own, ${PLUGIN_CONNECTIONS} connections over its Unix socket, cached reads; ratios are of turns of the same pass, medians of the rounds (${intervalName(rounds)}), and µs and requests/s those of bare times the ratio`
  const noise = `workers were on their core for ${percent(median(busy))} of the time, and kept off it by others for ${percent(median(keptOff))}${median(busy) < BUSY ? ': A WAITING WORKER PAYS FOR WAKE-UPS' : ''}`
  const tables = workloads.map(
    ({ workload, variants }) => `\n${workload.name}: GET ${workload.path}\n${renderTable(COLUMNS, rowsOf(variants))}`,
  )
  return `\n  ${setting}\n  ${noise}\n${tables.join('')}\n${renderVerdict(workloads[0]?.variants ?? [])}`
}

/** Which share of a reference's requests per second a worker with everything answers, measured in the same passes. */
export interface Shares {
  /** Of the same route on the same cache in a bare Fastify: what the goal is about. */
  readonly ofCachedRead: PairedRatio
  /** Of a bare Fastify that has its answer at hand: stricter, since that one does no work. */
  readonly ofReadyAnswer: PairedRatio
}

export function sharesOf(variants: readonly MeasuredVariant[]): Shares {
  const { rateOfCachedRead, rateOfBare } = named(variants, ALL)
  return { ofCachedRead: ofOne(rateOfCachedRead), ofReadyAnswer: ofOne(rateOfBare) }
}

function renderVerdict(variants: readonly MeasuredVariant[]): string {
  const { ofCachedRead, ofReadyAnswer } = sharesOf(variants)
  const line = (share: PairedRatio, reference: string, name: string) => {
    const byCpu = `by CPU time ${percent(cpuShare(variants, name))}, by the cheapest turns ${percent(named(variants, name).leastUs / named(variants, ALL).leastUs)}`
    return `${percent(share.median)} (${percent(share.low)} to ${percent(share.high)}; ${byCpu}) of the requests/s of a bare Fastify with ${reference}`
  }
  const verdict = `goal ≥ ${percent(GOAL)}: ${judge(ofCachedRead, { atLeast: GOAL })}`
  return [
    `  a worker with all of them on reaches ${line(ofCachedRead, 'the same cached read', CACHED_READ)}; ${verdict}\n`,
    `  and ${line(ofReadyAnswer, 'a ready answer', BARE)}\n`,
  ].join('')
}

/** What the requests per second would be if a worker were never without work: the inverse of CPU times. */
function cpuShare(variants: readonly MeasuredVariant[], reference: string): number {
  const all = named(variants, ALL).ratios
  return median(named(variants, reference).ratios.map((ratio, round) => ratio / (all[round] ?? Number.NaN)))
}

function named(variants: readonly MeasuredVariant[], name: string): MeasuredVariant {
  const found = variants.find(({ variant }) => variant.name === name)
  if (found === undefined) throw new Error(`"${name}" was not measured`)
  return found
}

/** Ratios as they are. */
function ofOne(ratios: readonly number[]): PairedRatio {
  return pairedRatio(
    ratios,
    ratios.map(() => 1),
  )
}

function rowsOf(variants: readonly MeasuredVariant[]): Row[] {
  const bare = named(variants, BARE)
  const [bareUs, barePerSecond] = [median(bare.cpuUs), median(bare.requestsPerSecond)]
  const rows = variants.map(({ variant, ratios, rateOfBare, leastUs, bodyBytes }) => {
    const ratio = ofOne(ratios)
    return {
      name: variant.name,
      kind: KINDS[variant.kind],
      cpuUs: bareUs * ratio.median,
      leastUs,
      ratio,
      differenceUs: bareUs * (ratio.median - 1),
      requestsPerSecond: barePerSecond * median(rateOfBare),
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
    requestsPerSecond: null,
    bodyBytes: null,
  }
  return [...rows.slice(0, -1), sum, ...rows.slice(-1)]
}

function signed(us: number): string {
  return `${us < 0 ? '-' : '+'}${number(Math.abs(us), 1)}`
}
