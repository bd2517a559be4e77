// What of wallets is cached: the answer for each page, under all that it depends on.
import type { Cache } from '@plimsoll/cache'
import { KINDS } from '../../../cache/kinds.ts'
import type { Caller } from '../../../http/caller.ts'
import { userTags } from '../users.ts'
import { encodeLedgerCursor } from './ledger-cursor.ts'
import type { WalletPart, WalletRepository } from './repository.ts'
import type { WalletPage } from './schema.ts'

export interface WalletCache {
  /** At most `part.limit` lines; null when there is no such user. */
  page(part: WalletPart, caller?: Caller): Promise<WalletPage | null>
}

/** The repository's answers as pages, from the nearest tier that has them. */
export function createWalletCache(cache: Cache, repository: WalletRepository): WalletCache {
  const pages = cache.namespace<WalletPage | null>('gamification.wallets', {
    ...KINDS.userData,
    tags: (_page, key) => [userTags.one(partOf(key).userId)],
    load: ({ key, signal }) => loadPage(repository, partOf(key), signal),
  })
  return {
    page: (part, caller) => pages.getOrLoad(keyOf(part), undefined, caller),
  }
}

async function loadPage(
  repository: WalletRepository,
  part: WalletPart,
  signal: AbortSignal,
): Promise<WalletPage | null> {
  const { userId, limit } = part
  // The line too many only tells that there are more.
  const state = await repository.read({ ...part, limit: limit + 1 }, signal)
  if (state === null) return null
  const items = state.lines.slice(0, limit)
  const last = items.at(-1)
  const next = state.lines.length > limit && last !== undefined ? encodeLedgerCursor(last.sequence) : null
  return { userId, balance: state.balance, items, next }
}

/** One text for each part, whatever the order of its fields. */
function keyOf({ userId, before, limit }: WalletPart): string {
  return JSON.stringify({ userId, ...(before === undefined ? {} : { before }), limit })
}

function partOf(key: string): WalletPart {
  return JSON.parse(key) as WalletPart
}
