// What wallets do, apart from HTTP, SQL and caching.
import { ApiError } from '../../../errors.ts'
import type { Caller } from '../../../http/caller.ts'
import { foundUser } from '../users.ts'
import type { WalletCache } from './cache.ts'
import { decodeLedgerCursor } from './ledger-cursor.ts'
import type { Ledger, Transacted } from './ledger.ts'
import type { TransactionRequest, TransactionResult, WalletPage, WalletQuery } from './schema.ts'

export interface WalletService {
  /** @throws API_ERR_CURSOR, API_ERR_USER_NOT_FOUND */
  read(userId: number, query: WalletQuery, caller?: Caller): Promise<WalletPage>
  /**
   * Does what's asked for once, however often it's asked with this key.
   * @throws API_ERR_USER_NOT_FOUND, API_ERR_IDEMPOTENCY_KEY_REUSED, API_ERR_WALLET_BALANCE, API_ERR_WALLET_LIMIT, API_ERR_DATABASE_*
   */
  transact(
    userId: number,
    key: string,
    request: TransactionRequest,
    signal?: AbortSignal,
  ): Promise<{ readonly result: TransactionResult; readonly replayed: boolean }>
}

export function createWalletService(cache: WalletCache, ledger: Ledger): WalletService {
  return {
    async read(userId, { limit, cursor }, caller) {
      const before = cursor === undefined ? {} : { before: decodeLedgerCursor(cursor) }
      return foundUser(await cache.page({ userId, ...before, limit }, caller))
    },

    async transact(userId, key, request, signal) {
      const { line, replayed } = doneOrRefused(
        foundUser(await ledger.transact(userId, key, request, signal).catch(sayThatRepeatingIsRight)),
      )
      return { result: { userId, transaction: line, balance: line.balanceAfter }, replayed }
    },
  }
}

function doneOrRefused(transacted: Transacted): Extract<Transacted, { outcome: 'done' }> {
  switch (transacted.outcome) {
    case 'done':
      return transacted
    case 'key-reused':
      throw new ApiError(
        'API_ERR_IDEMPOTENCY_KEY_REUSED',
        'An earlier request with this Idempotency-Key asked for something else; take a new key for each request.',
      )
    case 'too-little':
      throw new ApiError(
        'API_ERR_WALLET_BALANCE',
        `The balance is ${transacted.balance}, which is less than what was to be spent; nothing was done.`,
      )
    case 'too-much':
      throw new ApiError(
        'API_ERR_WALLET_LIMIT',
        `The balance is ${transacted.balance}, and would pass ${Number.MAX_SAFE_INTEGER}; nothing was done.`,
      )
    default:
      return transacted satisfies never
  }
}

/** For changes in general the advice is to look first; here repeating is safe. */
function sayThatRepeatingIsRight(error: unknown): never {
  if (error instanceof ApiError && error.code === 'API_ERR_DATABASE_OUTCOME_UNKNOWN') {
    throw new ApiError(
      error.code,
      'The database went away before it answered. Send the same request with the same Idempotency-Key again: it has one effect, however often it comes.',
      { cause: error.cause, retryAfterS: 1 },
    )
  }
  throw error
}
