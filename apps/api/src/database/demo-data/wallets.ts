// Wallets with their ledgers: every line begins where the one before it ended, and the last one's end is the balance.
//
// Users with odd ids have a wallet; for the others it's made when they first open their dashboard. Cases: a wallet without a line, a balance of 0 that was more,
// one beyond 32 bits.
import { hash } from 'node:crypto'
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { DAY_MS, HOUR_MS, NOW_MS, between, moment, time } from './calendar.ts'
import { words, type DemoTable } from './demo-table.ts'
import type { People } from './people.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface Wallets {
  readonly tables: readonly DemoTable[]
  /** When each wallet was made, by its user. */
  readonly createdMs: ReadonlyMap<number, number>
}

interface Line {
  readonly id: number
  readonly user: number
  readonly sequence: number
  readonly kind: 'earn' | 'spend' | 'refund'
  readonly amount: number
  readonly before: number
  readonly after: number
  readonly reason: string
  readonly ms: number
}

interface Account {
  balance: number
  /** And not given back yet. */
  spent: number
}

/** Lines lie within it, wallets before it. */
const LEDGER = { fromMs: NOW_MS - 365 * DAY_MS, toMs: NOW_MS - HOUR_MS }
/** Among the wallets. */
const ONE_UNUSED_IN = 20
const ONE_SPENDS_ALL_IN = 8
const MOST_SPENT_AT_ONCE = 10_000
const PRIZE = { line: 50, amount: 5_000_000_000, reason: "Prize of the founders' day" }

export function hasWallet(user: number): boolean {
  return user % 2 === 1
}

export function createWallets(size: DemoSize, totals: Totals, { active }: People): Wallets {
  const random = createRandom(`${size} wallets`)
  const createdMs = new Map(
    active.filter(hasWallet).map(user => [user, between(LEDGER.fromMs - 100 * DAY_MS, LEDGER.fromMs, random)]),
  )
  const users = [...createdMs.keys()].filter((_, index) => index % ONE_UNUSED_IN !== ONE_UNUSED_IN - 1)
  const lines = [...planLines(totals.wallet_transactions, users, createRandom(`${size} ledger`))]
  const last = new Map(lines.map(line => [line.user, line]))
  return {
    tables: [
      {
        name: 'wallets',
        columns: words('user_id balance last_sequence created_at updated_at'),
        total: createdMs.size,
        *rows() {
          for (const [user, ms] of createdMs) {
            const line = last.get(user)
            yield [user, line?.after ?? 0, line?.sequence ?? 0, time(ms), time(line?.ms ?? ms)]
          }
        },
      },
      {
        name: 'wallet_transactions',
        columns: words(
          'id user_id sequence idempotency_key request_hash kind amount balance_before balance_after reason created_at',
        ),
        total: lines.length,
        *rows() {
          for (const { id, user, sequence, kind, amount, before, after, reason, ms } of lines) {
            const key = `demo-${user}-${sequence}`
            const digest = `\\x${hash('sha256', JSON.stringify({ kind, amount: Math.abs(amount), reason }))}`
            yield [id, user, sequence, key, digest, kind, amount, before, after, reason, time(ms)]
          }
        },
      },
    ],
    createdMs,
  }
}

/** In the order of their times. */
function* planLines(total: number, users: readonly number[], random: Random): Iterable<Line> {
  const accounts = new Map<number, Account & { sequence: number }>()
  for (let id = 1; id <= total; id += 1) {
    const user = random.pickEarly(users)
    const account = accounts.get(user) ?? { sequence: 0, balance: 0, spent: 0 }
    accounts.set(user, account)
    const before = account.balance
    const kind = id === PRIZE.line ? 'earn' : pickKind(account, random)
    const amount = id === PRIZE.line ? PRIZE.amount : pickAmount(kind, account, random)
    account.balance += amount
    account.sequence += 1
    if (kind !== 'earn') account.spent -= amount
    const reason = id === PRIZE.line ? PRIZE.reason : random.pick(vocabulary.ledger[kind])
    const ms = moment(id - 1, total, LEDGER, random)
    yield { id, user, sequence: account.sequence, kind, amount, before, after: account.balance, reason, ms }
  }
}

/** Only what's there is spent, and only what was spent is given back. */
function pickKind({ balance, spent }: Account, random: Random): Line['kind'] {
  const kind = random.pick(['earn', 'earn', 'earn', 'spend', 'spend', 'refund'] as const)
  return (kind === 'spend' && balance === 0) || (kind === 'refund' && spent === 0) ? 'earn' : kind
}

function pickAmount(kind: Line['kind'], { balance, spent }: Account, random: Random): number {
  switch (kind) {
    case 'earn':
      return random.integer(1, 40) * 5
    case 'refund':
      return Math.min(spent, random.integer(1, 20) * 5)
    case 'spend': {
      const isAll = balance < MOST_SPENT_AT_ONCE && random.integer(1, ONE_SPENDS_ALL_IN) === 1
      return -(isAll ? balance : Math.min(balance, random.integer(2, 60) * 5))
    }
    default:
      return kind satisfies never
  }
}
