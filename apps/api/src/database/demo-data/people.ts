// Users, and who of them does what.
//
// Every tenth has signed up and never come back: whoever reads about them finds nothing. The others are the active ones; among them the first are the busiest.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { CATALOGUE_DAYS, DAY_MS, NOW_MS, time } from './calendar.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface People {
  readonly table: DemoTable
  /** Ids, in their order. */
  readonly active: readonly number[]
  readonly instructors: readonly number[]
  readonly founders: readonly number[]
  readonly investors: readonly number[]
}

const ONE_INSTRUCTOR_IN = 12
const ONE_IDLE_IN = 10
const ADMIN = 2
const OTHER_TYPES = words('learner learner learner learner learner learner founder founder founder investor')

export function createPeople(size: DemoSize, totals: Totals): People {
  const rows = [...users(totals.users, createRandom(`${size} users`))]
  const active = (type: string) =>
    rows.filter(row => row[4] === type && !isIdle(Number(row[0]))).map(row => Number(row[0]))
  return {
    table: {
      name: 'users',
      columns: words('id email username display_name user_type created_at updated_at'),
      total: totals.users,
      rows: () => rows,
    },
    active: rows.map(row => Number(row[0])).filter(id => !isIdle(id)),
    instructors: active('instructor'),
    founders: active('founder'),
    investors: active('investor'),
  }
}

function isIdle(id: number): boolean {
  return id % ONE_IDLE_IN === 0
}

function* users(total: number, random: Random): Iterable<Row> {
  for (let id = 1; id <= total; id += 1) {
    const { displayName, handle } = personName(random)
    const type = id % ONE_INSTRUCTOR_IN === 1 ? 'instructor' : id === ADMIN ? 'admin' : random.pick(OTHER_TYPES)
    const createdAt = time(NOW_MS - Math.floor((CATALOGUE_DAYS + 30 + random.next() * 365) * DAY_MS))
    const email = `${handle}.${id}@example.${random.pick(['com', 'org', 'net'])}`
    yield [id, email, `${handle}.${id}`, displayName, type, createdAt, createdAt]
  }
}

export interface PersonName {
  readonly displayName: string
  /** Letters a-z and a dot, the same for equal names. */
  readonly handle: string
}

export function personName(random: Random): PersonName {
  const first = random.pick(vocabulary.people.first)
  const last = random.pick(vocabulary.people.last)
  return { displayName: `${first} ${last}`, handle: `${plain(first)}.${plain(last)}` }
}

function plain(name: string): string {
  return name
    .replaceAll('ø', 'o')
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/[^a-z]/g, '')
}
