// Endpoints that report, without sockets: heads as the codec makes them, taken and turned into shares as the balancer does it.
import { METHOD, ResponseParser, type MessageHead } from '@plimsoll/http1'
import { ReportIntake } from '../../src/reports/report-intake.ts'
import { ReportShares } from '../../src/reports/report-shares.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { describe, Fleet, type FleetOptions } from '../upstream/fleet.ts'

export const EXPIRY_MS = 3000
/** How often the balancer looks at reports. */
export const STEP_MS = 250

/** The parsed head of an answer with these field lines. */
export function headWith(...lines: readonly string[]): MessageHead {
  const ignore = () => {}
  const parser = new ResponseParser({
    onHead: ignore,
    onBody: ignore,
    onTrailers: ignore,
    onEnd: ignore,
    onRefusal({ message }) {
      throw new Error(message)
    },
  })
  const fields = lines.map(line => `${line}\r\n`).join('')
  const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nServer: x\r\n${fields}Content-Length: 2\r\n\r\n`, 'latin1')
  parser.expect(METHOD.GET)
  parser.execute(bytes, 0, bytes.length)
  return parser.head
}

const ORCA_NAMES = new Set(['application_utilization', 'cpu_utilization', 'mem_utilization', 'rps_fractional', 'eps'])

/** A report's value in its text form; names of our own need no prefix. */
export function text(figures: Readonly<Record<string, number | string>>): string {
  const entries = Object.entries(figures).map(
    ([name, value]) => `${ORCA_NAMES.has(name) ? '' : 'named_metrics.'}${name}=${value}`,
  )
  return `TEXT ${entries.join(',')}`
}

export const field = (value: string): string => `endpoint-load-metrics: ${value}`

export class ReportFleet extends Fleet {
  readonly intake: ReportIntake
  readonly shares: ReportShares
  #sequence = 0

  constructor(options: FleetOptions & { maxDatabaseWaiting?: number; from?: 'unix' | 'all' | 'none' } = {}) {
    super(options)
    const { maxDatabaseWaiting = 1, from = 'all' } = options
    this.intake = new ReportIntake(this.pool, { from, expiryMs: EXPIRY_MS }, this.clock)
    this.shares = new ReportShares(this.pool, { expiryMs: EXPIRY_MS, maxDatabaseWaiting }, this.clock)
  }

  /** So many, named a, b, ..., all up. */
  static reporting(count: number, options: ConstructorParameters<typeof ReportFleet>[0] = {}): ReportFleet {
    const fleet = new ReportFleet(options)
    fleet.add(count)
    return fleet
  }

  add(count: number, weights: readonly number[] = []): void {
    this.pool.replace(
      Array.from({ length: count }, (_, i) => describe(String.fromCharCode(97 + i), { weight: weights[i] ?? 1 })),
    )
    for (const endpoint of this.pool.endpoints) this.pool.setHealth(endpoint, 'up', 'a test says so')
  }

  /** The endpoint says this, with the next sequence. */
  say(id: string, figures: Readonly<Record<string, number | string>>): void {
    this.sayText(id, text({ ...figures, sequence: ++this.#sequence }))
  }

  sayText(id: string, value: string): void {
    this.intake.take(this.get(id), headWith(field(value)))
  }

  /** Some steps, before each of which these endpoints say the same figures as before. */
  steps(count: number, saying: Readonly<Record<string, Readonly<Record<string, number>>>> = {}): void {
    for (let i = 0; i < count; i++) {
      this.clock.advance(STEP_MS)
      for (const [id, figures] of Object.entries(saying)) this.say(id, figures)
      if (this.shares.step()) this.pool.rebuild()
    }
  }

  ratios(): number[] {
    return this.pool.endpoints.map(({ reportRatio }: Endpoint) => Math.round(reportRatio * 100) / 100)
  }

  /** How many of so many requests that end at once each gets. */
  counts(requests: number, needsDatabase = false): Map<string, number> {
    const counts = new Map(this.pool.endpoints.map(({ id }) => [id, 0]))
    for (let i = 0; i < requests; i++) {
      const id = this.pool.pick([], true, undefined, needsDatabase)?.id ?? '-'
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    return counts
  }
}
