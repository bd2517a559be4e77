// The checker that judges every scene: what clients were told, against what the ledger and the accounts say.
//
//     told           rows in the ledger
//     committed      1                    0: lost
//     withdrawn      0
//     failed         0                    unless with DB_ERR_OUTCOME_UNKNOWN, which may be either
//     pending        any, and a miss in itself
//     any            2 and more: twice
import { OPENING_BALANCE, type LedgerRow, type Told, type TransferRecord } from './bank.ts'

export interface Evidence {
  readonly records: readonly TransferRecord[]
  readonly rows: readonly LedgerRow[]
  /** By account. */
  readonly balances: ReadonlyMap<number, number>
  /** Unhandled rejections and uncaught exceptions. */
  readonly processFaults: readonly string[]
}

/** Shown of each kind of miss. */
const SHOWN = 4

/** What must never happen and did, for people; empty when all is well. */
export function judge({ records, rows, balances, processFaults }: Evidence): string[] {
  const found = new Map<string, string[]>()
  const miss = (kind: string, detail: string): void => {
    found.set(kind, [...(found.get(kind) ?? []), detail])
  }
  const rowsById = Map.groupBy(rows, row => row.id)
  for (const record of records) {
    const done = rowsById.get(record.id) ?? []
    judgeRecord(record, done.length, kind => miss(kind, described(record)))
    for (const wrong of record.wrongAnswers) miss("got somebody else's answer", `${record.id}: ${wrong}`)
    if (done.some(row => !sameTransfer(row, record))) miss('altered', described(record))
  }
  const known = new Set(records.map(record => record.id))
  for (const row of rows) if (!known.has(row.id)) miss('in the ledger, and nobody asked for it', row.id)
  judgeBalances(rows, balances, miss)
  for (const fault of processFaults) miss('not caught by anybody', fault)
  return [...found].map(([kind, details]) => {
    const more = details.length > SHOWN ? ` and ${details.length - SHOWN} more` : ''
    return `${kind}: ${details.slice(0, SHOWN).join('; ')}${more}`
  })
}

function judgeRecord({ told, withdrawn }: TransferRecord, done: number, miss: (kind: string) => void): void {
  if (done > 1) miss('twice')
  switch (told.kind) {
    case 'pending':
      return miss('pending')
    case 'committed':
      if (done === 0) miss('told committed, and lost')
      if (withdrawn) miss('told committed, though it was withdrawn')
      return
    case 'withdrawn':
      if (done > 0) miss('withdrawn, and committed')
      return
    case 'failed': {
      const unknown = told.code === 'DB_ERR_OUTCOME_UNKNOWN'
      if (unknown !== (told.outcome === 'unknown')) miss('code and outcome contradict each other')
      if (done > 0 && !unknown) miss('told failed, and committed')
      return
    }
    case 'strange':
      return miss('not an error of the package')
    default:
      told satisfies never
  }
}

function judgeBalances(
  rows: readonly LedgerRow[],
  balances: ReadonlyMap<number, number>,
  miss: (kind: string, detail: string) => void,
): void {
  const changes = new Map<number, number>()
  for (const { payer, payee, amount } of rows) {
    changes.set(payer, (changes.get(payer) ?? 0) - amount)
    changes.set(payee, (changes.get(payee) ?? 0) + amount)
  }
  let sum = 0
  for (const [account, balance] of balances) {
    sum += balance
    const due = OPENING_BALANCE + (changes.get(account) ?? 0)
    if (balance !== due) miss('the balance is not what the ledger says', `account ${account}: ${balance}, not ${due}`)
  }
  const opening = balances.size * OPENING_BALANCE
  if (sum !== opening) miss('the sum of all balances has changed', `${sum}, not ${opening}`)
}

function sameTransfer(row: LedgerRow, record: TransferRecord): boolean {
  return row.payer === record.payer && row.payee === record.payee && row.amount === record.amount
}

function described({ id, how, attempts, told, startedAtMs, settledAtMs }: TransferRecord): string {
  const took = settledAtMs === Infinity ? 'not settled' : `after ${Math.round(settledAtMs - startedAtMs)} ms`
  return `${id} (${how}, ${attempts} attempts, ${toldLabel(told)} ${took})`
}

/** "committed", or the code of the failure. */
export function toldLabel(told: Told): string {
  if (told.kind === 'failed') return told.code
  return told.kind === 'strange' ? told.what : told.kind
}

/** How many were told what, and how late the latest was: "812 committed, 3 DB_ERR_OUTCOME_UNKNOWN (2 of them done); 12 by a repetition; latest 310 ms past its deadline". */
export function summary({ records, rows }: Pick<Evidence, 'records' | 'rows'>): string {
  const done = new Set(rows.map(row => row.id))
  const groups = [...Map.groupBy(records, record => toldLabel(record.told))]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([label, group]) => {
      const ofThem =
        label === 'DB_ERR_OUTCOME_UNKNOWN' ? ` (${group.filter(({ id }) => done.has(id)).length} of them done)` : ''
      return `${group.length} ${label}${ofThem}`
    })
  const repeated = records.filter(({ told, attempts }) => told.kind === 'committed' && attempts > 1).length
  const lateMs = Math.max(0, ...records.map(record => record.settledAtMs - record.deadlineMs))
  return [
    groups.join(', '),
    ...(repeated === 0 ? [] : [`${repeated} by a repetition`]),
    ...(lateMs === 0 ? [] : [`the latest ${Math.round(lateMs)} ms past its deadline`]),
  ].join('; ')
}
