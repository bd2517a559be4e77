// Runs a sweep every hour or so, for as long as the worker lives.
//
//     started ──by chance within the hour──► sweeping ──► waiting, an hour ± 10 % ──► sweeping …       closed, from anywhere: the statement is aborted, and waited for
//
// Every worker has one, and they aren't due together; who comes while another sweeps leaves it to that one.
import { Counter, type Logger, type Registry } from '@plimsoll/telemetry'
import type { Clock, Timer } from '../database/probe.ts'

export interface RetentionTools {
  /** One sweep; aborting ends it between two statements or within one. */
  readonly sweep: (signal: AbortSignal, onDeleted: (table: string, rows: number) => void) => Promise<void>
  readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>
  readonly random: { next(): number }
  readonly logger: Logger
  /** Undefined: nobody counts. */
  readonly registry: Registry | undefined
  /** From the end of one sweep to the next, in ms. */
  readonly intervalMs: number
}

/** As a share of the interval, to both sides. */
const JITTER = 0.1

export class Retention {
  readonly #tools: RetentionTools
  readonly #deleted: Counter | undefined
  readonly #closing = new AbortController()
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(tools: RetentionTools) {
    this.#tools = tools
    const { registry } = tools
    if (registry !== undefined)
      this.#deleted = new Counter({
        name: 'retention_deleted_rows_total',
        help: 'Rows that were deleted because they were past their time.',
        labelNames: ['table'],
        registers: [registry],
      })
  }

  /** The first sweep comes by chance within the interval: workers that start together aren't due together. */
  start(): void {
    this.#after(this.#tools.random.next() * this.#tools.intervalMs)
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('The worker ends.'))
    this.#tools.clock.clearTimeout(this.#timer)
    await this.#running
  }

  #after(delayMs: number): void {
    if (this.#closing.signal.aborted) return
    this.#timer = this.#tools.clock.setTimeout(() => {
      this.#running = this.#sweep()
    }, delayMs)
    this.#timer.unref()
  }

  async #sweep(): Promise<void> {
    const { sweep, logger, random, intervalMs } = this.#tools
    const { signal } = this.#closing
    const rowsByTable = new Map<string, number>()
    try {
      await sweep(signal, (table, rows) => {
        rowsByTable.set(table, (rowsByTable.get(table) ?? 0) + rows)
        this.#deleted?.inc({ table }, rows)
      })
    } catch (error) {
      // What's left is for the next time.
      if (!signal.aborted) logger.warn({ err: error }, 'deleting what is past its time failed; it is tried again later')
    }
    if (rowsByTable.size > 0) logger.info({ rows: Object.fromEntries(rowsByTable) }, 'deleted what was past its time')
    this.#after(intervalMs * (1 - JITTER + 2 * JITTER * random.next()))
  }
}
