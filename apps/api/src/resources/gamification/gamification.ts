// The parts of gamification put together: each is routes, schema, service, cache and repository of its own; what they share is in users.ts.
import type { Cache } from '@plimsoll/cache'
import type { Database } from '../../database/database.ts'
import { createBadgesCache } from './badges/cache.ts'
import { createBadgesRepository } from './badges/repository.ts'
import { createBadgesService, type BadgesService } from './badges/service.ts'
import { createDashboardCache } from './dashboard/cache.ts'
import { createDashboardRepository } from './dashboard/repository.ts'
import { createDashboardService, type DashboardService } from './dashboard/service.ts'
import { createStreaksRepository } from './streaks/repository.ts'
import { createStreaksService, type StreaksService } from './streaks/service.ts'
import { createWalletCache } from './wallet/cache.ts'
import { createLedger } from './wallet/ledger.ts'
import { createWalletRepository } from './wallet/repository.ts'
import { createWalletService, type WalletService } from './wallet/service.ts'

export interface GamificationServices {
  readonly dashboard: DashboardService
  readonly badges: BadgesService
  readonly wallet: WalletService
  readonly streaks: StreaksService
}

export interface GamificationTools {
  readonly database: Database
  readonly cache: Cache
  readonly clock: { now(): number }
}

export function createGamification({ database, cache, clock }: GamificationTools): GamificationServices {
  const badges = createBadgesCache(cache, createBadgesRepository(database))
  const dashboards = createDashboardCache(cache, createDashboardRepository(database), { clock })
  const wallets = createWalletCache(cache, createWalletRepository(database))
  return {
    dashboard: createDashboardService(dashboards),
    badges: createBadgesService(badges),
    wallet: createWalletService(wallets, createLedger(database)),
    streaks: createStreaksService(createStreaksRepository(database), { clock }),
  }
}
