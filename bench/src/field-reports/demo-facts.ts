// What there is to ask about in the demo data, read from the database before anything is measured.
import postgres, { type Sql } from 'postgres'

export interface DemoFacts {
  /** Published, with lessons. */
  readonly courses: readonly number[]
  readonly categories: readonly string[]
  /** With lines in their ledger, courses, and all that a user gets at the first visit. */
  readonly activeUsers: readonly number[]
  /** Who never had a wallet. */
  readonly newUsers: readonly number[]
  /** Published. */
  readonly blogs: readonly number[]
  /** Of published blogs, the most frequent first. */
  readonly tags: readonly string[]
  /** Of published blogs. */
  readonly authors: readonly number[]
}

export async function readDemoFacts(url: string): Promise<DemoFacts> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return {
      courses: await ids(
        sql,
        `select id from courses c where status = 'published' and exists (select from lessons where course_id = c.id)`,
      ),
      categories: await words(sql, `select category from courses where status = 'published' group by 1 order by 1`),
      activeUsers: await ids(
        sql,
        `select id from users u where exists (select from wallet_transactions where user_id = u.id)
           and exists (select from enrolments where user_id = u.id)
           and exists (select from user_badges join badges on id = badge_id where user_id = u.id and code = 'welcome')
           and (select count(*) from user_streaks where user_id = u.id and streak_type in ('login', 'learning')) = 2`,
      ),
      newUsers: await ids(sql, `select id from users u where not exists (select from wallets where user_id = u.id)`),
      blogs: await ids(sql, `select id from blogs where status = 'published'`),
      tags: await words(
        sql,
        `select tag from blogs, unnest(tags) as tag where status = 'published' group by 1 order by count(*) desc, 1`,
      ),
      authors: await ids(sql, `select distinct author_id as id from blogs where status = 'published'`),
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** In their order. */
async function ids(sql: Sql, query: string): Promise<number[]> {
  const rows = await sql.unsafe<{ id: string }[]>(`select id from (${query}) as found order by id`)
  return rows.map(({ id }) => Number(id))
}

async function words(sql: Sql, query: string): Promise<string[]> {
  const rows = await sql.unsafe(query).values()
  return rows.map(([word]) => String(word))
}

/** The same ones in an order that has nothing to do with their ids: the first users are the busiest. */
export function scattered(ids: readonly number[]): number[] {
  // Multiplicative hashing; exact, since ids are far below 2 ** 21.
  const placeOf = (id: number) => (id * 0x9e3779b1) % 2 ** 32
  return ids.toSorted((a, b) => placeOf(a) - placeOf(b))
}

/** So many of them, at equal distances. */
export function spread<Item>(items: readonly Item[], count: number): Item[] {
  if (count >= items.length) return [...items]
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)] as Item)
}
