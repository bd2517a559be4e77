// The limits of a worker: one store for all rules, so that a request is one decision; who counts as one client; what a refusal says, is counted and logged as.
//
// A client is what the balancer says it is, IPv6 by its /64. In development this machine isn't limited by address; by account and user it is.
import {
  createClientKeys,
  type Decision,
  policyField,
  type RateLimitStore,
  rateLimitField,
  POLICY_FIELD,
  RATE_LIMIT_FIELD,
} from '@plimsoll/rate-limit'
import { Counter, Gauge, type Logger, type Registry } from '@plimsoll/telemetry'
import { ApiError } from '../errors.ts'
import { isLoopback } from '../http/peers.ts'
import {
  keysFor,
  LIMIT_KINDS,
  type LimitKind,
  limitRules,
  type LimitSettings,
  ROUTE_LIMITS,
  type RouteLimit,
  type RouteLimitName,
} from './kinds.ts'
import { type LimitPlaces, openLimitStore, type OpenStore } from './open-store.ts'
import { SignIns } from './sign-ins.ts'

export interface LimitsOptions extends LimitSettings {
  /** Development: this machine isn't limited by address. */
  readonly exemptThisMachine: boolean
}

/** Who asks. */
export interface LimitedRequest {
  readonly address: string | undefined
  /** Of who is signed in. */
  readonly userId: number | undefined
  /** The route's pattern. */
  readonly route: string
}

/** A request that was admitted, and how to take it back. */
export interface Taken {
  readonly decision: Decision
  giveBack(): void
}

export interface Limits {
  readonly signIns: SignIns
  /** Null: nothing limits the request. */
  take(name: RouteLimitName, request: LimitedRequest): Promise<Taken | null>
  /** The header fields of an answer. */
  fields(name: RouteLimitName, decision: Decision): Record<string, string>
  /** Counts the refusal; gives what to throw. */
  refused(kind: LimitKind, decision: Decision): ApiError
  close(): Promise<void>
}

export interface LimitsSurroundings {
  readonly databaseUrl: string
  /** Of the category `security`. */
  readonly logger: Logger
  /** Undefined: nobody is told how many were refused. */
  readonly registry: Registry | undefined
}

/** Nothing is limited. */
export function noLimits(): Limits {
  return {
    signIns: new SignIns(undefined),
    take: async () => null,
    fields: () => ({}),
    refused: () => {
      throw new Error('nothing is limited')
    },
    close: async () => undefined,
  }
}

export async function openLimits(
  { exemptThisMachine, ...settings }: LimitsOptions,
  places: LimitPlaces,
  { databaseUrl, logger, registry }: LimitsSurroundings,
): Promise<Limits> {
  const opened = await openLimitStore(limitRules(settings), places, databaseUrl, logger)
  const { store } = opened
  const countRefusal = registry === undefined ? () => undefined : refusalCounter(registry, opened)
  const clientKey = createClientKeys()
  const networkOf = ipv6Networks()
  const clientOf = (address: string | undefined): string | null => {
    return exemptThisMachine && isLoopback(address) ? null : clientKey(address)
  }
  const onLost = (error: unknown): void => logger.warn({ err: error }, 'A request could not be given back to its limit')
  const refused = (kind: LimitKind, { retryAfterMs }: Decision): ApiError => {
    countRefusal(kind)
    return new ApiError('API_ERR_RATE_LIMITED', 'That was too often; wait before the next try.', {
      retryAfterS: Math.ceil(retryAfterMs / 1000),
    })
  }
  const policies = policiesOf(store)
  return {
    refused,
    signIns: new SignIns({
      store,
      clientOf,
      networkOf,
      onLost,
      refuse: (decision, address, { requestId, userId }) => {
        // No account: it's an e-mail address, and which one is nobody's business who reads logs.
        const line = {
          event: 'sign-in-limited',
          kind: decision.refusedBy?.name,
          userId,
          ip: visible(address),
          requestId,
        }
        logger.warn(line, 'a sign-in was refused: too many have failed')
        return refused('sign-in', decision)
      },
    }),
    async take(name, { address, userId, route }) {
      const { byAddress, byUser }: RouteLimit = ROUTE_LIMITS[name]
      const keys = keysFor({
        [byAddress]: clientOf(address),
        ...(byUser === undefined || userId === undefined ? {} : { [byUser]: String(userId) }),
      })
      if (keys.every(key => key === null)) return null
      const decision = await store.take(keys, route)
      const giveBack = async (): Promise<void> => {
        try {
          await store.giveBack(keys, route, decision.atMs)
        } catch (error) {
          onLost(error)
        }
      }
      return { decision, giveBack: () => void giveBack() }
    },
    fields: (name, decision) => {
      const field = rateLimitField(decision)
      return field === undefined ? {} : { [POLICY_FIELD]: policies[name], [RATE_LIMIT_FIELD]: field }
    },
    close: () => opened.close(),
  }
}

/** Per kind, the rules that may refuse. */
function policiesOf({ rules }: RateLimitStore): Record<RouteLimitName, string> {
  const policyOf = (limit: RouteLimit): string => {
    return policyField(rules.filter(({ name }) => name === limit.byAddress || name === limit.byUser))
  }
  return {
    expensive: policyOf(ROUTE_LIMITS.expensive),
    uploads: policyOf(ROUTE_LIMITS.uploads),
    authentication: policyOf(ROUTE_LIMITS.authentication),
  }
}

function refusalCounter(registry: Registry, opened: OpenStore): (kind: LimitKind) => void {
  const refusals = new Counter({
    name: 'api_rate_limited_total',
    help: 'Requests that a limit of the workers has refused, by its kind.',
    labelNames: ['kind'],
    registers: [registry],
  })
  for (const kind of LIMIT_KINDS) refusals.inc({ kind }, 0)
  registry.registerMetric(
    new Gauge({
      name: 'api_rate_limit_store_down',
      help: 'Whether limits can not be counted where they should be (machine, redis) and are counted nearer (1), as any worker sees it.',
      labelNames: ['store'],
      registers: [],
      aggregator: 'max',
      collect() {
        this.reset()
        for (const store of opened.down()) this.set({ store }, 1)
      },
    }),
  )
  return kind => refusals.inc({ kind })
}

const NETWORK_BITS = 48

/** The /48 of an IPv6 address; null: it's another one. */
function ipv6Networks(): (address: string | undefined) => string | null {
  const keyOf = createClientKeys({ ipv6PrefixBits: NETWORK_BITS })
  return address => {
    const key = keyOf(address)
    return key.endsWith(`/${NETWORK_BITS}`) ? key : null
  }
}

/** IPv6 with an IPv4 address at its end, and the name of an interface. */
const MAX_ADDRESS_LENGTH = 64

/** A proxy passes on what clients wrote. */
function visible(address: string | undefined): string | undefined {
  return address?.slice(0, MAX_ADDRESS_LENGTH).replaceAll(/[^!-~]/g, '?')
}
