// Load: clients who make one transfer after the other until they're told to stop. Some transfers are one statement, some are withdrawn at their end.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '@plimsoll/testing'
import type { TransactionOptions } from '../../src/index.ts'
import type { Bank, TransferDatabase, TransferRecord } from './bank.ts'

export interface LoadOptions {
  readonly clients: number
  /** Options of a transfer; called for each. */
  readonly options?: () => TransactionOptions
  /** Part of the transfers that are one statement, 0 to 1. Default 0.3. */
  readonly statementRatio?: number
}

const WITHDRAWN_RATIO = 0.05
/** A client whose transfer failed takes a breath, in milliseconds: else it would only measure how fast a closed port refuses. */
const AFTER_FAILURE_MS = [2, 20] as const

export class Load {
  /** Of this load alone. */
  readonly records: TransferRecord[] = []
  readonly #stopping = new AbortController()
  readonly #clients: readonly Promise<void>[]

  constructor(bank: Bank, database: TransferDatabase, random: SeededRandom, load: LoadOptions) {
    const { clients, statementRatio = 0.3, options } = load
    const work = async (): Promise<void> => {
      while (!this.#stopping.signal.aborted) {
        const { record, settled } = bank.begin(database, {
          how: random.next() < statementRatio ? 'statement' : 'transaction',
          withdrawn: random.next() < WITHDRAWN_RATIO,
          options: options?.() ?? {},
        })
        this.records.push(record)
        const { told } = await settled
        if (told.kind === 'committed' || told.kind === 'withdrawn') continue
        await sleep(random.integer(...AFTER_FAILURE_MS), undefined, { signal: this.#stopping.signal }).catch(() => {})
      }
    }
    this.#clients = Array.from({ length: clients }, work)
  }

  /** Transfers that were begun after that moment and are committed. */
  committedSince(sinceMs: number): number {
    return this.records.filter(({ told, startedAtMs }) => told.kind === 'committed' && startedAtMs >= sinceMs).length
  }

  /** When the first transfer that settled after that moment was committed; undefined if none was yet. */
  firstCommitAfter(sinceMs: number): number | undefined {
    const times = this.records
      .filter(({ told, settledAtMs }) => told.kind === 'committed' && settledAtMs >= sinceMs)
      .map(({ settledAtMs }) => settledAtMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** No new transfers; resolves when the last one has settled. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#clients)
  }
}
