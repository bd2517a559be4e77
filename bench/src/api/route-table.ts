// The routes' figures as tables, the claims above them.
import { LIMITS_OFF } from '../limits-off.ts'
import { type Column, number, percent, renderTable } from '../report.ts'
import { median } from '../statistics.ts'
import { CLAIMS, type Judgement, judgeRounds, type RouteFigures } from './claims.ts'
import type { MeasuredCell, RouteResult } from './route-part.ts'
import { MIXED } from './routes.ts'

const EXPLANATION = `  cold    each request another key, the cache emptied before: so many requests at once, no more than there are keys
  warm    the same keys in turn without a cache (FEATURE_CACHING=false)
  cached  a few keys over and over
  as is   what's never cached
  CPU     processor time per request of balancer, workers and PostgreSQL together
`

export function renderRoutes({ cells, failures, machine, postgres }: RouteResult, setting: string): string {
  const profile = [
    `${setting}, each connection with one request under way at all times, through the balancer; PostgreSQL ${postgres}`,
    `production's defaults, but limits per address are off: ${assignments(LIMITS_OFF)}, in balancer and workers`,
    `our programs had ${percent(machine.ours)} of the machine's time${machine.others > BUSY_OTHERWISE ? `, OTHERS ${percent(machine.others)}: LATENCIES ARE THEIRS AS WELL` : `, others ${percent(machine.others)}`}`,
  ]
  const failed = Array.from(failures, ([route, failure]) => `  failed first, ${route}: ${failure}\n`).join('')
  return `\n${profile.map(line => `  ${line}\n`).join('')}${EXPLANATION}\n${renderTable(COLUMNS, rowsOf(cells))}${failed}\n${verdicts(cells)}`
}

/** Above this share of the machine's time for others, the figures aren't the service's alone. */
const BUSY_OTHERWISE = 0.05

/** What's shown in a row; the first one is what's claimed. */
interface Row {
  readonly route: string
  readonly condition: string
  readonly keys: string
  readonly requests: string
  readonly perSecond: string
  readonly p50: string
  readonly p90: string
  readonly p95: string
  readonly p99: string
  readonly average: string
  readonly errors: string
  readonly hits: string
  readonly cpu: string
  readonly verdict: string
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: 'GET', align: 'left', cell: row => row.route },
  { heading: '', align: 'left', cell: row => row.condition },
  { heading: 'keys', align: 'right', cell: row => row.keys },
  { heading: 'requests', align: 'right', cell: row => row.requests },
  { heading: 'requests/s', align: 'right', cell: row => row.perSecond },
  { heading: 'P50, ms', align: 'right', cell: row => row.p50 },
  { heading: 'P90', align: 'right', cell: row => row.p90 },
  { heading: 'P95', align: 'right', cell: row => row.p95 },
  { heading: 'P99', align: 'right', cell: row => row.p99 },
  { heading: 'average', align: 'right', cell: row => row.average },
  { heading: 'errors', align: 'right', cell: row => row.errors },
  { heading: 'hits', align: 'right', cell: row => row.hits },
  { heading: 'CPU, µs', align: 'right', cell: row => row.cpu },
  { heading: 'as claimed', align: 'left', cell: row => row.verdict },
]

type Figure = Exclude<keyof RouteFigures, 'cpuUs'>

function rowsOf(cells: readonly MeasuredCell[]): Row[] {
  return [claimedRow(), ...cells.map(measuredRow)]
}

function claimedRow(): Row {
  const limit = (of: Figure) => {
    const claim = CLAIMS.find(claim => claim.of === of && claim.only === undefined)
    return number(claim?.atMost ?? claim?.atLeast ?? Number.NaN)
  }
  const cached = number(CLAIMS.find(({ only }) => only === 'cached')?.atMost ?? Number.NaN)
  return {
    route: 'claimed',
    condition: '',
    keys: '',
    requests: '',
    perSecond: `≥ ${limit('perSecond')}`,
    p50: limit('p50Ms'),
    p90: limit('p90Ms'),
    p95: limit('p95Ms'),
    p99: limit('p99Ms'),
    average: `${limit('averageMs')}, cached ${cached}`,
    errors: '0.1 %',
    hits: '',
    cpu: '',
    verdict: '',
  }
}

function measuredRow({ route, condition, keys, rounds }: MeasuredCell): Row {
  const middle = (of: Figure) => median(rounds.map(figures => figures[of]))
  const ms = (of: Figure) => number(middle(of), middle(of) < 10 ? 1 : 0)
  return {
    route,
    condition,
    keys: number(keys),
    requests: number(rounds.reduce((sum, { requests }) => sum + requests, 0)),
    perSecond: number(middle('perSecond')),
    p50: ms('p50Ms'),
    p90: ms('p90Ms'),
    p95: ms('p95Ms'),
    p99: ms('p99Ms'),
    average: ms('averageMs'),
    errors: `${number(middle('errors') * 100, middle('errors') === 0 ? 0 : 2)} %`,
    hits: condition === 'as is' ? '' : percent(middle('hits')),
    cpu: number(median(rounds.map(({ cpuUs }) => Object.values(cpuUs).reduce((sum, us) => sum + us, 0)))),
    verdict: renderJudgement(judgeRounds(condition, rounds)),
  }
}

function renderJudgement({ verdict, because }: Judgement): string {
  return because.length === 0 ? verdict : `${verdict}: ${because.join(', ')}`
}

/** In words, for the service as a whole. */
function verdicts(cells: readonly MeasuredCell[]): string {
  return cells
    .filter(({ route }) => route === MIXED)
    .map(({ condition, rounds }) => `  ${MIXED}, ${condition}: ${renderJudgement(judgeRounds(condition, rounds))}\n`)
    .join('')
}

function assignments(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
