// What clients send to and get from wallets. The dashboard shows the same lines.
import { Type, type Static } from 'typebox'
import { replayedHeaders } from '../../../http/idempotency-key.ts'
import { Line } from '../../../http/text-schema.ts'
import { PageOf, pageParameters } from '../../keyset-page.ts'
import { Time, UserId } from '../users.ts'

/** Of one transaction: a trillion. */
export const MAX_AMOUNT = 1_000_000_000_000
const MAX_REASON_CHARACTERS = 200

const Balance = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'In coins.' })
const Kind = Type.Enum(['earn', 'spend', 'refund'])

/** A line of the ledger. */
export const LedgerLine = Type.Object(
  {
    sequence: Type.Integer({ minimum: 1, description: 'Number of the line in the wallet, from 1 without a gap.' }),
    kind: Kind,
    amount: Type.Integer({ description: 'Added to the balance: negative for what was spent.' }),
    balanceAfter: Balance,
    reason: Type.String(),
    createdAt: Time,
  },
  { additionalProperties: false },
)
export type LedgerLine = Static<typeof LedgerLine>

export const WalletPage = Type.Object(
  { userId: UserId, balance: Balance, ...PageOf(LedgerLine, '').properties },
  { additionalProperties: false, description: 'The balance, and lines of the ledger, newest first.' },
)
export type WalletPage = Static<typeof WalletPage>

export const WalletQuery = Type.Object(pageParameters, { additionalProperties: false })
export type WalletQuery = Static<typeof WalletQuery>

export const TransactionRequest = Type.Object(
  {
    kind: Kind,
    amount: Type.Integer({ minimum: 1, maximum: MAX_AMOUNT, description: 'In coins, positive also for `spend`.' }),
    reason: Line({
      minLength: 1,
      maxLength: MAX_REASON_CHARACTERS,
      description: 'What for, as the ledger shows it.',
      examples: ['Lesson completed'],
    }),
  },
  { additionalProperties: false },
)
export type TransactionRequest = Static<typeof TransactionRequest>

export const TransactionResult = Type.Object(
  {
    userId: UserId,
    transaction: LedgerLine,
    balance: Type.Integer({ minimum: 0, description: 'Just after this transaction.' }),
  },
  {
    additionalProperties: false,
    description: 'What was done; the same for every request with this key.',
    headers: replayedHeaders,
  },
)
export type TransactionResult = Static<typeof TransactionResult>
