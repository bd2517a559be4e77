// All addresses of gamification.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { badgesRoutes } from './badges/routes.ts'
import { dashboardRoutes } from './dashboard/routes.ts'
import type { GamificationServices } from './gamification.ts'
import { streaksRoutes } from './streaks/routes.ts'
import { walletRoutes } from './wallet/routes.ts'

export interface GamificationRoutesOptions {
  readonly services: GamificationServices
}

export const gamificationRoutes: FastifyPluginCallbackTypebox<GamificationRoutesOptions> = (
  app,
  { services },
  done,
) => {
  app.register(dashboardRoutes, { service: services.dashboard })
  app.register(badgesRoutes, { service: services.badges })
  app.register(walletRoutes, { service: services.wallet })
  app.register(streaksRoutes, { service: services.streaks })
  done()
}
