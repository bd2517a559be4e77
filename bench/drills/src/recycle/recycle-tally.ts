// The accounting of the recycle drill: what clients saw, joined with the workers' ledgers, per phase.
import { outcomeLabel } from '../outcome.ts'
import type { RequestRecord } from '../open-loop.ts'
import { type PhaseTally, percentile, tallyPhase } from '../tally.ts'
import type { Ledger } from './ledger.ts'
import { KINDS, type RequestKind } from './request-kinds.ts'

export interface RecycleTally extends PhaseTally {
  /** POSTs that arrived at workers more than once, carried out or not: somebody has sent them again. */
  readonly sentTwice: number
  /** Of the good answers to requests that are answered at once, from the time they were due, in milliseconds. */
  readonly getP50Ms: number
  readonly getP99Ms: number
  /** The same of POSTs, which work for a while. */
  readonly postP50Ms: number
  readonly postP99Ms: number
}

export interface RecycleTallyOptions {
  /** Of one phase. */
  readonly records: readonly RequestRecord[]
  readonly ledger: Ledger
  readonly durationMs: number
  /** Who was killed, and what was under way between that and the moment at which nobody was there any more. */
  readonly killed: Killed | null
}

export interface Killed {
  /** Name of the process. */
  readonly name: string
  /** Ids of the POSTs. */
  readonly underWay: ReadonlySet<string>
}

/** What a balancer says when the worker that has a POST is gone. */
const GONE = '502'

export function tallyRecyclePhase({ records, ledger, durationMs, killed }: RecycleTallyOptions): RecycleTally {
  const excused = killed === null ? [] : records.filter(record => isExcused(record, ledger, killed))
  const tally = tallyPhase({
    records,
    executions: ledger.done,
    durationMs,
    injured: [],
    unavoidable: new Set(excused.map(({ id }) => id)),
  })
  const gets = latencies(records, 'get')
  const posts = latencies(records, 'post')
  return {
    ...tally,
    sentTwice: records.filter(record => arrivals(record, ledger).length > 1).length,
    getP50Ms: percentile(gets, 0.5),
    getP99Ms: percentile(gets, 0.99),
    postP50Ms: percentile(posts, 0.5),
    postP99Ms: percentile(posts, 0.99),
  }
}

/** Requests in the ledger that nobody has sent. */
export function strangers(records: readonly RequestRecord[], ledger: Ledger): string[] {
  const sent = new Set(records.map(({ method, id }) => `${method} ${id}`))
  return [...ledger.done.keys(), ...ledger.begun.keys()].filter(key => !sent.has(key))
}

/** Nobody knows whether a killed worker had carried it out, so nobody may send it again: 502 is the right answer then, and only then. */
function isExcused(record: RequestRecord, ledger: Ledger, killed: Killed): boolean {
  if (record.method !== 'POST' || !killed.underWay.has(record.id) || record.outcome === null) return false
  if (!outcomeLabel(record.outcome).startsWith(GONE)) return false
  return arrivals(record, ledger).every(name => name === killed.name)
}

function arrivals({ method, id }: RequestRecord, ledger: Ledger): readonly string[] {
  return ledger.begun.get(`${method} ${id}`) ?? []
}

function latencies(records: readonly RequestRecord[], kind: RequestKind): number[] {
  const { method, path } = KINDS[kind]
  return records
    .filter(record => record.outcome?.kind === 'well' && record.method === method && record.path === path + record.id)
    .map(({ settledAtMs, dueAtMs }) => settledAtMs - dueAtMs)
    .toSorted((a, b) => a - b)
}
