// The naive service's parameters, and why each is fair: it does what the field reports say of their services before they were made fast, nothing slower, and what
// they don't mention it does well.

/** Connections of its pool: the most of what the reports' services had. */
export const NAIVE_POOL_SIZE = 5

/** One thing that a field report names as slow. */
export interface Sin {
  readonly what: string
  readonly here: string
  /** The report that names it: C1 and C2 of the learning platform, P of the exam preparation backend. */
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
]

/** What could be slow as well and isn't, so that the comparison leans to its side. */
export const MERCIES: readonly string[] = [
  'statements are prepared, the statistics are fresh, the table is vacuumed',
  'the indexes of keys and unique constraints stay: nearly all that a user owns is found by one of them',
  'no statement waits for a disk (no fsync), so several commits cost little more than one',
  'lists begin at the first page: an offset costs nothing there',
  'authors, courses and badges of a dashboard come by joins, its sums are made in JavaScript at once',
]
