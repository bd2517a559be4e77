// The checker finds what it's there to find: each kind of damage is planted once.
import t from 'tap'
import { OPENING_BALANCE, type LedgerRow, type Told, type TransferRecord } from './bank.ts'
import { judge, summary, type Evidence } from './verdict.ts'

const COMMITTED: Told = { kind: 'committed' }
const failed = (code: string, outcome: string): Told => ({ kind: 'failed', code, outcome, waitedMs: undefined })
const LOST = failed('DB_ERR_CONNECTION_LOST', 'rolled-back')
const UNKNOWN = failed('DB_ERR_OUTCOME_UNKNOWN', 'unknown')

function record(told: Told, changes: Partial<TransferRecord> = {}): TransferRecord {
  return {
    id: 't0;',
    payer: 1,
    payee: 2,
    amount: 10,
    how: 'transaction',
    withdrawn: false,
    startedAtMs: 0,
    deadlineMs: 1000,
    told,
    settledAtMs: told.kind === 'pending' ? Infinity : 100,
    attempts: 1,
    wrongAnswers: [],
    ...changes,
  }
}

const ROW: LedgerRow = { id: 't0;', payer: 1, payee: 2, amount: 10 }

/** The balances are those that the rows lead to, unless given. */
function evidence(
  records: readonly TransferRecord[],
  rows: readonly LedgerRow[],
  more: Partial<Evidence> = {},
): Evidence {
  const balances = new Map([1, 2, 3].map(account => [account, OPENING_BALANCE]))
  for (const { payer, payee, amount } of rows) {
    balances.set(payer, (balances.get(payer) ?? 0) - amount)
    balances.set(payee, (balances.get(payee) ?? 0) + amount)
  }
  return { records, rows, balances, processFaults: [], ...more }
}

await t.test('what was told is what was done: no misses', async t => {
  const well: readonly [Told, Partial<TransferRecord>, readonly LedgerRow[]][] = [
    [COMMITTED, {}, [ROW]],
    [{ kind: 'withdrawn' }, { withdrawn: true }, []],
    [LOST, {}, []],
    [failed('DB_ERR_POOL_BUSY', 'not-executed'), {}, []],
    [UNKNOWN, {}, []],
    [UNKNOWN, {}, [ROW]],
  ]
  for (const [told, changes, rows] of well) t.same(judge(evidence([record(told, changes)], rows)), [])
})

await t.test('each kind of damage is found, and named', async t => {
  const balances = new Map([1, 2, 3].map(account => [account, OPENING_BALANCE]))
  const damages: readonly [kind: string, Evidence][] = [
    ['told committed, and lost', evidence([record(COMMITTED)], [])],
    ['told failed, and committed', evidence([record(LOST)], [ROW])],
    ['withdrawn, and committed', evidence([record({ kind: 'withdrawn' }, { withdrawn: true })], [ROW])],
    ['told committed, though it was withdrawn', evidence([record(COMMITTED, { withdrawn: true })], [ROW])],
    ['twice', evidence([record(COMMITTED)], [ROW, ROW])],
    ['twice', evidence([record(UNKNOWN)], [ROW, ROW])],
    ['pending', evidence([record({ kind: 'pending' })], [])],
    ['not an error of the package', evidence([record({ kind: 'strange', what: 'TypeError' })], [])],
    ['code and outcome contradict each other', evidence([record(failed('DB_ERR_CONNECTION_LOST', 'unknown'))], [])],
    ['code and outcome contradict each other', evidence([record(failed('DB_ERR_OUTCOME_UNKNOWN', 'rolled-back'))], [])],
    ["got somebody else's answer", evidence([record(COMMITTED, { wrongAnswers: ['t7;'] })], [ROW])],
    ['altered', evidence([record(COMMITTED, { amount: 11 })], [ROW])],
    ['in the ledger, and nobody asked for it', evidence([], [ROW])],
    ['the balance is not what the ledger says', evidence([record(COMMITTED)], [ROW], { balances })],
    [
      'the sum of all balances has changed',
      evidence([], [], { balances: new Map([...balances, [3, OPENING_BALANCE - 1]]) }),
    ],
    ['not caught by anybody', evidence([], [], { processFaults: ['unhandled rejection'] })],
  ]
  for (const [kind, damaged] of damages) {
    const found = judge(damaged)
    t.ok(
      found.some(miss => miss.startsWith(`${kind}: `)),
      `${kind}: ${found.join(' | ')}`,
    )
  }
})

await t.test('of many alike the first few are shown, and the others counted', async t => {
  const records = Array.from({ length: 7 }, (_, i) => record(COMMITTED, { id: `t${i};` }))
  const [miss = ''] = judge(evidence(records, []))
  t.match(miss, /^told committed, and lost: t0;.*t3;.* and 3 more$/)
})

await t.test('the summary counts what was told, and what became of the unknown', async t => {
  const records = [
    record(COMMITTED, { id: 'a', attempts: 2 }),
    record(COMMITTED, { id: 'b', settledAtMs: 1250 }),
    record(UNKNOWN, { id: 'c' }),
    record(UNKNOWN, { id: 'd' }),
    record(LOST, { id: 'e' }),
  ]
  const rows = ['a', 'b', 'c'].map(id => ({ ...ROW, id }))
  t.equal(
    summary({ records, rows }),
    '2 committed, 2 DB_ERR_OUTCOME_UNKNOWN (1 of them done), 1 DB_ERR_CONNECTION_LOST; 1 by a repetition; the latest 250 ms past its deadline',
  )
})
