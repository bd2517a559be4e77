// Writes to wallets: a line of the ledger and the balance that it makes, in one transaction, once per idempotency key.
//
//     begin ─► lock the wallet ─► look for the key ─┬─ there, same request ───► the line that was written then
//                (one round trip, in this order)    ├─ there, other request ──► refused
//                                                   └─ not there ─► check ─┬─► insert the line, move the balance ─► commit
//                                                                          └─► refused, nothing written
//
// Invariants
// * Lines of a wallet are written one after the other, each while holding the wallet's row. So whoever holds it sees every line there is, and a request that comes
//   twice finds its own, whether that was written by this worker, by another one, or by a transaction of which nobody knew how it ended: while that one may still be
//   committed, it holds the row.
// * Therefore repeating is always right, and is done here too when the connection is lost in the middle or at the commit.
// * The look must be a statement after the lock: a statement sees what was committed when it began, and one that waits for a lock began before.
// * The constraints of the tables say the same once more: keys and numbers are unique, lines add up, no balance is below zero.
import { createHash } from 'node:crypto'
import type { Transaction } from '@plimsoll/db-optimizer'
import type { Database } from '../../../database/database.ts'
import { nullWhenDeleted, userTags } from '../users.ts'
import { ledgerColumns, toLedgerLine, type LedgerRow } from './ledger-line.ts'
import type { LedgerLine, TransactionRequest } from './schema.ts'

/** What became of a request. */
export type Transacted =
  /** `replayed`: an earlier request with this key did it. */
  | { readonly outcome: 'done'; readonly line: LedgerLine; readonly replayed: boolean }
  /** The key stands for another request. */
  | { readonly outcome: 'key-reused' }
  | { readonly outcome: 'too-little'; readonly balance: number }
  /** The balance would not be exact in JSON any more. */
  | { readonly outcome: 'too-much'; readonly balance: number }

export interface Ledger {
  /** Null when there is no such user. @throws API_ERR_DATABASE_*; repeat it with the same key then */
  transact(userId: number, key: string, request: TransactionRequest, signal?: AbortSignal): Promise<Transacted | null>
}

type Tx = Transaction<{ bigint: number }>

/** A request as it's carried through the transaction. */
interface Asked {
  readonly userId: number
  readonly key: string
  readonly hash: Buffer
  readonly request: TransactionRequest
}

/** A line, and whether it was written for the same request. */
type EarlierRow = LedgerRow & { same: boolean }

/** A wallet that's locked until the transaction ends. */
interface OpenWallet {
  readonly balance: number
  /** What has the key already. */
  readonly earlier: EarlierRow | undefined
}

const NEVER_USED: OpenWallet = { balance: 0, earlier: undefined }

export function createLedger(database: Database): Ledger {
  return {
    transact(userId, key, request, signal) {
      const asked = { userId, key, hash: hashOf(request), request }
      const work = database.transaction('gamification.transact', tx => transactIn(tx, asked), {
        isolation: 'read committed',
        idempotent: true,
        retries: 2,
        signal,
      })
      return nullWhenDeleted(work)
    },
  }
}

async function transactIn(tx: Tx, asked: Asked): Promise<Transacted | null> {
  const wallet = (await openWallet(tx, asked)) ?? (await openFirst(tx, asked))
  if (wallet === null) return null
  const { balance, earlier } = wallet
  if (earlier?.same === false) return { outcome: 'key-reused' }
  const refused = earlier === undefined ? refusalOf(asked.request, balance) : undefined
  if (refused !== undefined) return refused
  const row = earlier ?? (await writeLine(tx, asked))
  // Of a replay too: the worker that did it may have been killed before it could tell the others.
  tx.invalidates([userTags.one(asked.userId)])
  return { outcome: 'done', line: toLedgerLine(row), replayed: earlier !== undefined }
}

function refusalOf({ kind, amount }: TransactionRequest, balance: number): Transacted | undefined {
  if (kind === 'spend') return amount > balance ? { outcome: 'too-little', balance } : undefined
  // The difference is exact where the sum might not be.
  return amount > Number.MAX_SAFE_INTEGER - balance ? { outcome: 'too-much', balance } : undefined
}

/** Locks the wallet, and then looks for the key; null when there's no wallet. */
async function openWallet(tx: Tx, { userId, key, hash }: Asked): Promise<OpenWallet | null> {
  const [[wallet], [earlier]] = await tx.batch([
    tx<{ balance: number }[]>`select balance from wallets where user_id = ${userId} for update`,
    tx<EarlierRow[]>`
      select ${ledgerColumns(tx)}, request_hash = ${hash} as same
      from wallet_transactions
      where user_id = ${userId} and idempotency_key = ${key}`,
  ])
  return wallet === undefined ? null : { balance: wallet.balance, earlier }
}

/** The wallet of somebody who has none yet; it's made only for what will be written. Null when there's no such user. */
async function openFirst(tx: Tx, asked: Asked): Promise<OpenWallet | null> {
  const { userId, request } = asked
  if (request.kind === 'spend') {
    const users = await tx`select from users where id = ${userId}`
    return users.length > 0 ? NEVER_USED : null
  }
  // Who makes it at the same time is waited for here; then it's there for both.
  await tx`insert into wallets (user_id) select id from users where id = ${userId} on conflict (user_id) do nothing`
  return openWallet(tx, asked)
}

/** Sums are the server's: exact, whatever stands there. Its clock is read now, and not at the transaction's beginning, so that later lines have later times. */
async function writeLine(tx: Tx, { userId, key, hash, request }: Asked): Promise<LedgerRow> {
  const { kind, amount, reason } = request
  const signed = kind === 'spend' ? -amount : amount
  const [row] = await tx<[LedgerRow]>`
    with line as (
      insert into wallet_transactions (user_id, sequence, idempotency_key, request_hash, kind, amount, balance_before, balance_after, reason, created_at)
      select user_id, last_sequence + 1, ${key}, ${hash}, ${kind}, ${signed}, balance, balance + ${signed}, ${reason}, clock_timestamp()
      from wallets
      where user_id = ${userId}
      returning *
    ), moved as (
      update wallets
      set balance = line.balance_after, last_sequence = line.sequence, updated_at = line.created_at
      from line
      where wallets.user_id = line.user_id
    )
    select ${ledgerColumns(tx)} from line`
  return row
}

/** Of what was asked for, however it was written down: order of fields and blanks make no other request. */
function hashOf({ kind, amount, reason }: TransactionRequest): Buffer {
  return createHash('sha256').update(JSON.stringify({ kind, amount, reason })).digest()
}
