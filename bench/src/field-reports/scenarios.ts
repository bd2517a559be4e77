// What's measured: for each scenario the questions, and what our cache may hold when they're asked.
//
//   loaded   each question once since our cache was emptied: every answer of ours comes from the database
//   cached   the same few over and over: after the first time ours come from the cache
//   mixed    each once, but many share what another one has just loaded: as users do
//   new      each once in the whole run, since the first time changes the database
//   asked    no cache of answers has a say: the health page, signing in, and statements without a service
//
// Those that are loaded come first: nobody may have asked their questions since the cache was emptied.
import type { Account } from './accounts.ts'
import {
  fiveLoginsQuestion,
  loginQuestion,
  profileQuestion,
  refreshQuestion,
  signUpQuestion,
  verifyQuestion,
} from './auth-questions.ts'
import { blogQuestion, blogsQuestion } from './blog-questions.ts'
import { type DemoFacts, scattered, spread } from './demo-facts.ts'
import {
  badgesQuestion,
  dashboardQuestion,
  healthQuestion,
  newDashboardQuestion,
  walletQuestion,
} from './gamification-questions.ts'
import { courseQuestion, coursesQuestion, lessonsQuestion } from './learning-questions.ts'
import type { Question } from './question.ts'
import { byIndexQuestion, withoutHealthCheckQuestion } from './statement-questions.ts'

export type CacheState = 'loaded' | 'cached' | 'mixed' | 'new' | 'asked'

/** Requests under way at the same time: one user alone, and some. */
export const CROWDS = [1, 10] as const
export type Crowd = (typeof CROWDS)[number]

export interface Scenario {
  readonly name: string
  readonly state: CacheState
  readonly crowds: readonly Crowd[]
  readonly questions: readonly Question[]
}

/** How many questions. */
export interface ScenarioSizes {
  /** Of a loaded scenario, for each crowd. */
  readonly loaded: number
  readonly cached: number
  /** Whose visits are mixed. */
  readonly visitors: number
  /** People who can sign in: as many again for signing in, for what they do then, and for getting new tokens. */
  readonly accounts: number
  readonly signUps: number
}

/** Who signs in, and what new accounts are called. */
export interface SignIns {
  readonly accounts: readonly Account[]
  /** In names and addresses of new accounts: no other run's. */
  readonly run: string
}

const ACCOUNT_PARTS = 3
/** How many accounts the scenarios want. */
export function accountsWanted({ accounts }: ScenarioSizes): number {
  return accounts * ACCOUNT_PARTS
}

export const SCENARIO_NAMES = [
  'dashboard, loaded',
  'dashboard, new user',
  'course, loaded',
  'badges, loaded',
  'wallet, loaded',
  'blogs by author, loaded',
  'blogs by tag, loaded',
  'ten users',
  'dashboard, cached',
  'courses, cached',
  'lessons, cached',
  'blog list, cached',
  'mixed reads, cached',
  'health',
  'statement, by index',
  'statement, no health check',
  'token verify',
  'profile',
  'token refresh',
  'login',
  'five logins at once',
  'sign-up',
] as const
export type ScenarioName = (typeof SCENARIO_NAMES)[number]

const PAGE = 20

export function makeScenarios(facts: DemoFacts, sizes: ScenarioSizes, { accounts, run }: SignIns): Scenario[] {
  const loaded = sizes.loaded * CROWDS.length
  // Dashboards that are loaded, visited and cached are different users'.
  const users = scattered(spread(facts.activeUsers, loaded + sizes.visitors + sizes.cached))
  const loadedUsers = users.slice(0, loaded)
  const visitors = users.slice(loaded, loaded + sizes.visitors)
  const cachedUsers = users.slice(loaded + sizes.visitors)
  const cachedCourses = spread(facts.courses, sizes.cached)
  const cachedBlogs = spread(facts.blogs, sizes.cached)
  const newest = blogsQuestion(PAGE)
  // Whose token is used is never the one who gets new ones.
  const [signing = [], holding = [], renewing = []] = Array.from({ length: ACCOUNT_PARTS }, (_, part) =>
    accounts.filter((_, i) => i % ACCOUNT_PARTS === part),
  )

  const of: Readonly<Record<ScenarioName, Omit<Scenario, 'name' | 'crowds'> & { readonly crowds?: readonly Crowd[] }>> =
    {
      'dashboard, loaded': { state: 'loaded', questions: loadedUsers.map(dashboardQuestion) },
      'dashboard, new user': { state: 'new', questions: scattered(facts.newUsers).map(newDashboardQuestion) },
      'course, loaded': { state: 'loaded', questions: spread(facts.courses, loaded).map(courseQuestion) },
      'badges, loaded': { state: 'loaded', questions: loadedUsers.map(badgesQuestion) },
      'wallet, loaded': { state: 'loaded', questions: loadedUsers.map(walletQuestion) },
      'blogs by author, loaded': {
        state: 'loaded',
        questions: spread(facts.authors, loaded).map(author => blogsQuestion(PAGE, { author })),
      },
      'blogs by tag, loaded': {
        state: 'loaded',
        questions: spread(facts.tags, loaded).map(tag => blogsQuestion(PAGE, { tag })),
      },
      'ten users': {
        state: 'mixed',
        crowds: [10],
        questions: visitors.flatMap((user, i) => visit(user, facts, i)),
      },
      'dashboard, cached': { state: 'cached', questions: cachedUsers.map(dashboardQuestion) },
      'courses, cached': {
        state: 'cached',
        questions: [coursesQuestion(PAGE), ...facts.categories.map(category => coursesQuestion(PAGE, category))],
      },
      'lessons, cached': { state: 'cached', questions: cachedCourses.map(lessonsQuestion) },
      'blog list, cached': { state: 'cached', questions: [newest] },
      'mixed reads, cached': {
        state: 'cached',
        questions: [
          ...cachedCourses.flatMap((course, i) => [
            lessonsQuestion(course),
            ...cachedBlogs.slice(i, i + 1).map(blogQuestion),
          ]),
          ...spread(facts.tags, sizes.cached).map(tag => blogsQuestion(PAGE, { tag })),
          newest,
        ],
      },
      health: { state: 'asked', questions: [healthQuestion] },
      'statement, by index': { state: 'asked', questions: spread(facts.authors, loaded).map(byIndexQuestion) },
      'statement, no health check': {
        state: 'asked',
        questions: spread(facts.blogs, loaded).map(withoutHealthCheckQuestion),
      },
      'token verify': { state: 'asked', questions: holding.map(verifyQuestion) },
      profile: { state: 'asked', questions: holding.map(profileQuestion) },
      'token refresh': { state: 'asked', questions: renewing.map(refreshQuestion) },
      login: { state: 'asked', questions: signing.map(loginQuestion) },
      'five logins at once': {
        state: 'asked',
        crowds: [1],
        questions: inFives(signing).map(fiveLoginsQuestion),
      },
      'sign-up': {
        state: 'new',
        questions: Array.from({ length: sizes.signUps }, (_, i) => signUpQuestion(`${run}-${i}`)),
      },
    }
  return SCENARIO_NAMES.map(name => ({ name, crowds: CROWDS, ...of[name] }))
}

/** Each in one of them; the last one may be smaller. */
function inFives(accounts: readonly Account[]): Account[][] {
  return Array.from({ length: Math.ceil(accounts.length / 5) }, (_, i) => accounts.slice(5 * i, 5 * (i + 1)))
}

/** What one user looks at: their dashboard, the catalogue, a course, the blogs. */
function visit(user: number, { courses, blogs }: DemoFacts, i: number): Question[] {
  const course = courses[i % courses.length] as number
  const blog = blogs[(i * 7) % blogs.length] as number
  return [
    dashboardQuestion(user),
    coursesQuestion(PAGE),
    courseQuestion(course),
    lessonsQuestion(course),
    blogsQuestion(PAGE),
    blogQuestion(blog),
  ]
}
