// Every GET route of the API, and what's asked of it.
//
// What belongs to a user is asked for as an operator, who may see everybody's: the users whose data are asked for needn't sign in, and each request pays for its credentials
// being checked. Answers to it are `no-store`, which is for whoever keeps answers on the way: the workers' own cache holds them like all others.
import type { DemoFacts } from '../field-reports/demo-facts.ts'
import { spread } from '../field-reports/demo-facts.ts'
import type { Ask, Caller } from './asker-protocol.ts'

/**
 * cold    each request another key, and nothing in the cache
 * warm    the same keys without a cache: the database has its pages and prepared statements, and answers each time
 * cached  a few keys over and over
 * as is   routes whose answers aren't cached
 */
export type Condition = 'cold' | 'warm' | 'cached' | 'as is'

export interface MeasuredRoute {
  /** As the OpenAPI document has its path. */
  readonly name: string
  readonly conditions: readonly Condition[]
  /** Whether a path has the same answer each time. */
  readonly stable: boolean
  readonly asks: readonly Ask[]
  /** The first ones, which are asked for when they're in the cache. */
  readonly cachedKeys: number
}

const CACHED_KEYS = 5
const CACHEABLE = ['cold', 'warm', 'cached'] as const
const AS_IS = ['as is'] as const
/** Pages about as long as the usual one, of 20. */
const PAGE_SIZES = Array.from({ length: 20 }, (_, i) => 11 + i)

export const MIXED = 'all cached routes in turn'

/** @param keys so many of each route, where the data have them */
export function measuredRoutes(facts: DemoFacts, keys: number): MeasuredRoute[] {
  const courses = spread(facts.courses, keys)
  const users = spread(facts.activeUsers, keys)
  const cached = [
    cacheable('/api/courses', courseLists(facts, keys)),
    cacheable(
      '/api/courses/{id}',
      byId(courses, id => [`/api/courses/${id}`, `{"id":${id},"slug":`]),
    ),
    cacheable(
      '/api/courses/{id}/lessons',
      byId(courses, id => [`/api/courses/${id}/lessons`, '{"items":[{"id":']),
    ),
    cacheable('/api/blogs', blogLists(facts, keys)),
    cacheable(
      '/api/blogs/{id}',
      byId(spread(facts.blogs, keys), id => [`/api/blogs/${id}`, `{"id":${id},"slug":`]),
    ),
    cacheable(
      '/api/gamification/dashboard/{id}',
      byId(users, id => [`/api/gamification/dashboard/${id}`, `{"user":{"id":${id},`], 'operator'),
    ),
    cacheable(
      '/api/gamification/badges/{id}',
      byId(users, id => [`/api/gamification/badges/${id}`, of(id)], 'operator'),
    ),
    cacheable(
      '/api/gamification/wallet/{id}',
      byId(users, id => [`/api/gamification/wallet/${id}`, of(id)], 'operator'),
    ),
  ]
  return [
    ...cached,
    { ...cacheable(MIXED, inTurn(cached)), cachedKeys: CACHED_KEYS * cached.length },
    asIs('/health/live', '{"status":"ok"}'),
    asIs('/health/ready', '{"status":"ready"'),
    asIs('/health', '{"status":'),
    asIs('/health/detailed', '{"status":'),
    asIs('/api/db-test', '{"status":"ok"'),
    { ...asIs('/openapi.json', '{"openapi":"3.1.0"'), stable: true },
    asIs('/api/auth/verify', '{"userId":', 'user'),
    asIs('/api/auth/profile', '{"id":', 'user'),
    {
      ...asIs('/api/users/{id}/export', ''),
      asks: byId(users, id => [`/api/users/${id}/export`, '{"exportedAt":'], 'operator'),
    },
    forOperators('/performance/metrics'),
    forOperators('/performance/optimization/recommendations'),
    forOperators('/performance/cache/stats'),
    forOperators('/api/cache/stats'),
  ]
}

/** What nobody measures, and what isn't there any more. */
export function compareWithDocument(
  routes: readonly MeasuredRoute[],
  documented: readonly string[],
): { readonly unmeasured: readonly string[]; readonly gone: readonly string[] } {
  const measured = routes.map(({ name }) => name).filter(name => name !== MIXED)
  return {
    unmeasured: documented.filter(path => !measured.includes(path)),
    gone: measured.filter(path => !documented.includes(path)),
  }
}

function cacheable(name: string, asks: readonly Ask[]): MeasuredRoute {
  return { name, conditions: CACHEABLE, stable: true, asks, cachedKeys: CACHED_KEYS }
}

function asIs(path: string, begins: string, as?: Caller): MeasuredRoute {
  const ask = { path, begins, ...(as === undefined ? {} : { as }) }
  return { name: path, conditions: AS_IS, stable: false, asks: [ask], cachedKeys: 0 }
}

function forOperators(path: string): MeasuredRoute {
  return asIs(path, '{"scope":"fleet"', 'operator')
}

/** How answers about a user begin. */
function of(id: number): string {
  return `{"userId":${id},`
}

function byId(
  ids: readonly number[],
  ask: (id: number) => readonly [path: string, begins: string],
  as?: Caller,
): Ask[] {
  return ids.map(id => {
    const [path, begins] = ask(id)
    return { path, begins, ...(as === undefined ? {} : { as }) }
  })
}

function courseLists({ categories }: DemoFacts, keys: number): Ask[] {
  return lists('/api/courses', ['', ...categories.map(category => `&category=${category}`)], keys)
}

function blogLists({ tags }: DemoFacts, keys: number): Ask[] {
  return lists('/api/blogs', ['', ...tags.map(tag => `&tag=${encodeURIComponent(tag)}`)], keys)
}

function lists(path: string, filters: readonly string[], keys: number): Ask[] {
  return PAGE_SIZES.flatMap(size =>
    filters.map(filter => ({ path: `${path}?limit=${size}${filter}`, begins: '{"items":[{"id":' })),
  ).slice(0, keys)
}

/** One of each route, then the next ones; as many of each as the one with the fewest has. */
function inTurn(routes: readonly MeasuredRoute[]): Ask[] {
  const count = Math.min(...routes.map(({ asks }) => asks.length))
  return Array.from({ length: count }, (_, i) => routes.flatMap(({ asks }) => asks.slice(i, i + 1))).flat()
}
