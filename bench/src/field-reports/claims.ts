// What the field reports claim, row by row, as data: their own figures, and which of our scenarios stands for a row.
import type { ScenarioName } from './scenarios.ts'

export const REPORTS = {
  C1: 'C1: learning platform, performance',
  P: 'P: exam preparation backend',
  A: 'A: auth and chat database',
} as const
export type ReportName = keyof typeof REPORTS

/** From the least to the most that was claimed; both the same where it was one figure. */
export type Range = readonly [from: number, to: number]

export interface Claim {
  readonly report: ReportName
  /** As the report calls it, and what is asked here where it leaves that open. */
  readonly row: string
  readonly beforeMs?: Range
  /** Ours is met when it takes no longer than the most of it. */
  readonly afterMs?: Range
  /** What the report wanted; ours is held to it where it's the less of the two. */
  readonly targetMs?: number
  /** Before by after: met from the least of it on. */
  readonly ratio?: Range
  /** What's measured for it; of several, the slowest counts. */
  readonly scenarios: readonly ScenarioName[]
  /** What's compared with `afterMs`. Default: p50Ms. */
  readonly of?: 'p50Ms' | 'p95Ms'
}

const REPEATED: readonly ScenarioName[] = [
  'dashboard, cached',
  'courses, cached',
  'lessons, cached',
  'blog list, cached',
  'mixed reads, cached',
]
const LOADED: readonly ScenarioName[] = [
  'dashboard, loaded',
  'course, loaded',
  'badges, loaded',
  'wallet, loaded',
  'blogs by author, loaded',
  'blogs by tag, loaded',
]

export const CLAIMS: readonly Claim[] = [
  {
    report: 'C1',
    row: 'dashboard, cached',
    beforeMs: [1600, 1600],
    afterMs: [40, 48],
    ratio: [33, 33],
    scenarios: ['dashboard, cached'],
  },
  {
    report: 'C1',
    row: 'dashboard, cold, user created',
    beforeMs: [1600, 1600],
    afterMs: [615, 615],
    ratio: [2.6, 2.6],
    scenarios: ['dashboard, new user'],
  },
  { report: 'C1', row: 'courses, cached', afterMs: [47, 47], scenarios: ['courses, cached'] },
  { report: 'C1', row: 'course by id, loaded', afterMs: [588, 588], scenarios: ['course, loaded'] },
  { report: 'C1', row: 'lessons, cached', afterMs: [48, 48], scenarios: ['lessons, cached'] },
  { report: 'C1', row: 'badges, loaded', afterMs: [189, 189], scenarios: ['badges, loaded'] },
  { report: 'C1', row: 'wallet, loaded', afterMs: [185, 185], scenarios: ['wallet, loaded'] },
  { report: 'C1', row: 'health', afterMs: [38, 38], scenarios: ['health'] },
  { report: 'C1', row: 'whatever is cached', afterMs: [60, 60], scenarios: REPEATED },
  { report: 'P', row: 'dashboard, cached', ratio: [10, 30], scenarios: ['dashboard, cached'] },
  { report: 'P', row: 'blog list, cached', ratio: [10, 25], scenarios: ['blog list, cached'] },
  { report: 'P', row: 'repeated queries, mixed', ratio: [5, 20], scenarios: ['mixed reads, cached'] },
  { report: 'P', row: 'repeated queries, all cached', ratio: [10, 50], scenarios: ['mixed reads, cached'] },
  { report: 'P', row: 'queries, by indexes', ratio: [3, 10], afterMs: [200, 200], scenarios: ['statement, by index'] },
  {
    report: 'P',
    row: 'database operations, health check off the path',
    ratio: [10, 50],
    scenarios: ['statement, no health check'],
  },
  { report: 'P', row: 'health', afterMs: [50, 50], scenarios: ['health'] },
  { report: 'P', row: 'cached', afterMs: [100, 100], scenarios: REPEATED },
  { report: 'P', row: 'uncached', afterMs: [500, 500], scenarios: LOADED },
  { report: 'P', row: 'ten concurrent users', afterMs: [500, 500], of: 'p95Ms', scenarios: ['ten users'] },
  // 96 % faster is a 25th of the time, 99 % a hundredth.
  { report: 'A', row: 'token verify', afterMs: [11, 11], ratio: [25, 25], scenarios: ['token verify'] },
  { report: 'A', row: 'profile', afterMs: [0.6, 0.6], ratio: [100, 100], scenarios: ['profile'] },
  { report: 'A', row: 'token refresh', afterMs: [266, 266], targetMs: 300, scenarios: ['token refresh'] },
  { report: 'A', row: 'login', afterMs: [707, 707], targetMs: 500, scenarios: ['login'] },
  {
    report: 'A',
    row: 'five logins at once, all answered',
    afterMs: [3000, 3000],
    targetMs: 5000,
    scenarios: ['five logins at once'],
  },
  { report: 'A', row: 'sign-up', afterMs: [2400, 2400], scenarios: ['sign-up'] },
]
