// What kind of installation decides, wherever nothing else was said: development is open to this machine and talks, production is closed and says what somebody has to
// act on, staging is production that people may look into.
//
// What's written elsewhere because it belongs there: how long answers may be kept (http/cache-control.ts), who is an operator without a token
// (plugins/access.ts), which database commands are refused. The README has all of it in one table.
import { defaultLogLevel, type LogLevel } from '@plimsoll/telemetry'
import type { Environment } from '../plugins/security.ts'

export interface EnvironmentRules {
  readonly logLevel: LogLevel
  /** Connections of each worker, by route. */
  readonly minConnections: number
  readonly maxConnections: number
  /** Waiting and running together from which on a statement is slow. */
  readonly slowQueryMs: number
  /** Whether pages of any origin on this machine may read answers, beside those of the listed ones. */
  readonly localOrigins: boolean
  /** How long browsers are told to come over TLS only; 0: they aren't told. */
  readonly hstsMaxAgeS: number
  readonly documentationPage: boolean
  /** Whether limits by address leave this machine out. */
  readonly exemptThisMachine: boolean
  /** Whether a configuration that opens a door is refused: pages without TLS that read answers, trust in everybody, an inspector. */
  readonly refuseDanger: boolean
}

const DAY_S = 86_400

export const ENVIRONMENTS = {
  development: {
    logLevel: defaultLogLevel('development'),
    minConnections: 2,
    maxConnections: 10,
    slowQueryMs: 100,
    localOrigins: true,
    // A browser would ask everything else on localhost over TLS, too.
    hstsMaxAgeS: 0,
    documentationPage: true,
    exemptThisMachine: true,
    refuseDanger: false,
  },
  staging: {
    logLevel: defaultLogLevel('staging'),
    minConnections: 5,
    maxConnections: 20,
    slowQueryMs: 500,
    localOrigins: false,
    // A mistake with certificates is over by tomorrow.
    hstsMaxAgeS: DAY_S,
    documentationPage: true,
    exemptThisMachine: false,
    refuseDanger: false,
  },
  production: {
    logLevel: defaultLogLevel('production'),
    minConnections: 5,
    maxConnections: 20,
    slowQueryMs: 500,
    localOrigins: false,
    hstsMaxAgeS: 365 * DAY_S,
    documentationPage: false,
    exemptThisMachine: false,
    refuseDanger: true,
  },
} as const satisfies Record<Environment, EnvironmentRules>
