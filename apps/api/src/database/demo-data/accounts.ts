// Tokens of users, and files that instructors have uploaded.
//
// Cases: tokens that have expired, that were revoked, both; a user with several of one type; files without a course, names outside ASCII, an empty file.
import { hash } from 'node:crypto'
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { DAY_MS, HOUR_MS, NOW_MS, between, moment, time } from './calendar.ts'
import type { Catalogue } from './courses.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import type { People } from './people.ts'
import { anyTopic, fill } from './phrasing.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

/** By type, how long a token is good for. */
const LIFE_MS = { refresh: 30 * DAY_MS, 'verify-email': DAY_MS, 'reset-password': HOUR_MS } as const
const TYPES = words('refresh refresh refresh refresh refresh verify-email reset-password') as (keyof typeof LIFE_MS)[]
const TOKENS = { fromMs: NOW_MS - 60 * DAY_MS, toMs: NOW_MS - 60_000 }
const UPLOADS = { fromMs: NOW_MS - 600 * DAY_MS, toMs: NOW_MS - HOUR_MS }
const EMPTY_FILE = 7

export function createAccounts(
  size: DemoSize,
  totals: Totals,
  people: People,
  catalogue: Catalogue,
): readonly DemoTable[] {
  return [
    {
      name: 'user_tokens',
      columns: words('id user_id type token expires_at revoked created_at'),
      total: totals.user_tokens,
      rows: () => tokens(totals.user_tokens, people, createRandom(`${size} tokens`)),
    },
    {
      name: 'uploads',
      columns: words('id user_id course_id file_name media_type bytes sha256 storage_key created_at'),
      total: totals.uploads,
      rows: () => uploads(totals.uploads, catalogue, createRandom(`${size} uploads`)),
    },
  ]
}

function* tokens(total: number, { active }: People, random: Random): Iterable<Row> {
  for (let id = 1; id <= total; id += 1) {
    const createdMs = moment(id - 1, total, TOKENS, random)
    const type = random.pick(TYPES)
    // Of nothing that could be sent as a token.
    const digest = hash('sha256', `demo token ${id}`)
    const expiresAt = time(createdMs + LIFE_MS[type])
    yield [id, random.pickEarly(active), type, digest, expiresAt, random.chance(0.2), time(createdMs)]
  }
}

function* uploads(total: number, { courses }: Catalogue, random: Random): Iterable<Row> {
  for (let id = 1; id <= total; id += 1) {
    const createdMs = moment(id - 1, total, UPLOADS, random)
    const course = random.pickEarly(courses)
    const { name, mediaType } = random.pick(vocabulary.uploads)
    const fileName = fill(name, anyTopic(random).insert).replaceAll(' ', '-')
    const bytes = id === EMPTY_FILE ? 0 : between(2000, 40_000_000, random)
    const digest = hash('sha256', `demo upload ${id}`)
    const key = `demo/${digest.slice(0, 2)}/${digest}`
    const courseId = random.chance(0.2) ? null : course.id
    yield [id, course.instructor, courseId, fileName, mediaType, bytes, `\\x${digest}`, key, time(createdMs)]
  }
}
