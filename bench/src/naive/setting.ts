// The naive service's parameters, and why each is fair: it does what the field reports say of their services before they were made fast, nothing slower, and what
// they don't mention it does well.

/** Connections of its pool: the most of what the reports' services had. */
export const NAIVE_POOL_SIZE = 5

/** What a hash of a password costs, in the options of @node-rs/argon2: Argon2id, 19 MiB, two passes, one lane. Ours are the same, made by the same package. */
export const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const
/** As ours. */
export const ACCESS_TOKEN_LIFE_S = 900
export const REFRESH_TOKEN_LIFE_S = 14 * 86_400

/** One thing that a field report names as slow. */
export interface Sin {
  readonly what: string
  readonly here: string
  /** The report that names it: A of the auth and chat database, C1 and C2 of the learning platform, P of the exam preparation backend. */
  readonly report: string
  /** The requirement that answers it. */
  readonly requirement: string
}

export const SINS: readonly Sin[] = [
  {
    what: 'a small pool',
    here: `${NAIVE_POOL_SIZE} connections, postgres.js with its defaults`,
    report: 'C1',
    requirement: 'D1',
  },
  {
    what: 'one query after the other',
    here: 'a dashboard is eight, each awaited before the next; a new user takes six more, each committed by itself',
    report: 'C1',
    requirement: 'D13',
  },
  {
    what: 'a query for each row of a list',
    here: "a blog list asks for each blog's author, a list of badges for each whether the user has it",
    report: 'C2',
    requirement: 'D5',
  },
  {
    what: 'no index but those of keys and unique constraints',
    here: 'a copy of the same database, its other indexes dropped',
    report: 'P',
    requirement: 'A7',
  },
  { what: 'no cache', here: 'every request reads the database', report: 'P', requirement: 'D6' },
  {
    what: 'a health check on the path of each request',
    here: '`select 1`, awaited before anything else',
    report: 'P',
    requirement: 'D8',
  },
  {
    what: 'whole rows, content not truncated',
    here: '`select *`; a list of blogs has their texts',
    report: 'P',
    requirement: 'A5',
  },
  { what: 'one process', here: 'Fastify without plugins or log, and no balancer', report: 'C2', requirement: 'B7' },
  {
    what: 'passwords hashed where requests are answered',
    here: 'one at a time, and nothing else meanwhile; the same Argon2id as ours',
    report: 'A',
    requirement: 'A3',
  },
  {
    what: 'token work step by step',
    here: 'a sign-in is five statements, a refresh six, a look-up of a token two; each awaited before the next and committed by itself',
    report: 'A',
    requirement: 'A3',
  },
  {
    what: 'expired tokens removed by whoever signs in',
    here: 'one `delete` in each sign-in and each refresh',
    report: 'A',
    requirement: 'A3',
  },
  {
    what: 'no index for tokens',
    here: 'the unique one on their digests dropped as well: what is random needs no constraint',
    report: 'A',
    requirement: 'A7',
  },
]

/** What could be slow as well and isn't, so that the comparison leans to its side. */
export const MERCIES: readonly string[] = [
  'statements are prepared, the statistics are fresh, the table is vacuumed',
  'the indexes of keys and unique constraints stay: nearly all that a user owns is found by one of them',
  'no statement waits for a disk (no fsync), so several commits cost little more than one',
  'lists begin at the first page: an offset costs nothing there',
  'authors, courses and badges of a dashboard come by joins, its sums are made in JavaScript at once',
  'signing in has no health check before it, its users are found by the unique index on their addresses, and its table of tokens is small: 4,000 and those of the run',
]

/** Where signing in is less safe than ours, so that its figures are of less work: what ours does beside, it does within its own. */
export const LESS_SAFE: readonly string[] = [
  'a refresh token that is shown again is refused, and those that came from it stay good',
  'any password may be chosen',
  'a sign-in by a password that is changed in the same moment goes through',
  'user and password of a new account are not stored in one transaction',
  'nothing bounds how many passwords wait for their hash',
]
