// The repair of streaks (0004): whatever duplicates there were, one row of each is left, nobody lost or won days by it, and no writer gets in between.
import t from 'tap'
import fc from 'fast-check'
import { migrate, readMigrations } from '@plimsoll/db-optimizer/migrations'
import { until } from '@plimsoll/testing'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'

// A database is made: on a busy machine that takes its time.
t.setTimeout(60_000)

const CONSTRAINT = 'user_streaks_user_id_streak_type_unique'
const USERS = 3
const TYPES = ['login', 'learning', 'practice'] as const

interface Streak {
  readonly id: number
  readonly user: number
  readonly type: (typeof TYPES)[number]
  readonly current: number
  readonly longest: number
  /** ISO 8601. */
  readonly lastOn: string | null
}

const migrations = await readMigrations(MIGRATIONS_FOLDER)
const filesUpTo = (version: number) =>
  Object.fromEntries(migrations.filter(one => one.version <= version).map(({ name, text }) => [name, text]))
const folders = t.testdir({ before: filesUpTo(3), repaired: filesUpTo(4) })

const { sql, url } = await emptyTestDatabase(t)

/** Waits for locks as long as it takes: a retry on a busy machine would let writers in between its attempts. */
async function apply(folder: string): Promise<readonly string[]> {
  const { applied } = await migrate({ url, folder, lockTimeoutMs: 60_000, applicationName: 'streaks-test' })
  return applied.map(({ name }) => name)
}

/** Back to the state before the repair, with these rows, written in this order. */
async function rewind(streaks: readonly Streak[]): Promise<void> {
  await sql.unsafe(`
    alter table user_streaks drop constraint if exists ${CONSTRAINT};
    delete from schema_migrations where version > 3;
    truncate user_streaks restart identity`)
  await sql`
    insert into user_streaks (id, user_id, streak_type, current_days, longest_days, last_active_on)
    overriding system value
    select id, "user", type, current, longest, "lastOn"
    from jsonb_to_recordset(${sql.json(streaks.map(streak => ({ ...streak })))})
      as s (id bigint, "user" bigint, type text, current int, longest int, "lastOn" date)`
}

async function stored(): Promise<Streak[]> {
  const rows = await sql<(Omit<Streak, 'id' | 'user'> & { id: string; user: string })[]>`
    select id, user_id as "user", streak_type as type, current_days as current, longest_days as longest,
           last_active_on::text as "lastOn"
    from user_streaks order by id`
  return rows.map(row => ({ ...row, id: Number(row.id), user: Number(row.user) }))
}

/** One for each user and type: the lowest id, the longest that any of them had, and of the last active day what was current then. */
function repaired(streaks: readonly Streak[]): Streak[] {
  const best = (values: readonly number[]) => Math.max(...values)
  return [...Map.groupBy(streaks, ({ user, type }) => `${user} ${type}`).values()]
    .map(group => {
      const [first] = group.toSorted((a, b) => a.id - b.id)
      if (first === undefined) throw new Error('a group without rows')
      const lastOn = group.map(streak => streak.lastOn).reduce((a, b) => ((a ?? '') > (b ?? '') ? a : b))
      return {
        ...first,
        current: best(group.filter(streak => streak.lastOn === lastOn).map(({ current }) => current)),
        longest: best(group.map(({ longest }) => longest)),
        lastOn,
      }
    })
    .toSorted((a, b) => a.id - b.id)
}

await apply(`${folders}/before`)
await sql`
  insert into users (email, username, display_name)
  select 'u' || n || '@example.org', 'user-' || n, 'User' from generate_series(1, ${USERS}) as n`

await t.test(
  'of any rows one per user and type is left: the lowest id, with the longest days of all and the current ones of the last',
  async t => {
    const streak = fc
      .record({
        user: fc.integer({ min: 1, max: USERS }),
        type: fc.constantFrom(...TYPES),
        current: fc.nat(40),
        more: fc.nat(40),
        day: fc.option(fc.integer({ min: 1, max: 28 })),
      })
      .map(({ user, type, current, more, day }) => ({
        user,
        type,
        // Days without a date are refused by the table.
        current: day === null ? 0 : current,
        longest: (day === null ? 0 : current) + more,
        lastOn: day === null ? null : `2026-02-${String(day).padStart(2, '0')}`,
      }))
    // Ids in any order: the lowest need not be the one that was written first.
    const streaks = fc.tuple(fc.array(streak, { maxLength: 25 }), fc.infiniteStream(fc.nat())).map(([rows, order]) => {
      const keys = rows.map(() => order.next().value)
      const ranks = keys.map(
        (key, index) => keys.filter((other, at) => other < key || (other === key && at < index)).length,
      )
      return rows.map((row, index) => ({ id: 1 + 3 * (ranks[index] ?? 0), ...row }))
    })
    await fc.assert(
      fc.asyncProperty(streaks, async rows => {
        await rewind(rows)
        t.same(await apply(`${folders}/repaired`), ['0004_streaks_once.sql'])
        t.same(await stored(), repaired(rows))
      }),
      { numRuns: 25 },
    )
  },
)

await t.test(
  'a long streak that ended is not made current by a short one of today; days of the same day are',
  async t => {
    await rewind([
      { id: 1, user: 1, type: 'login', current: 60, longest: 60, lastOn: '2026-01-05' },
      { id: 2, user: 1, type: 'login', current: 1, longest: 1, lastOn: '2026-02-20' },
      { id: 3, user: 1, type: 'login', current: 0, longest: 0, lastOn: null },
      { id: 4, user: 2, type: 'login', current: 3, longest: 3, lastOn: '2026-02-20' },
      { id: 5, user: 2, type: 'login', current: 4, longest: 9, lastOn: '2026-02-20' },
      { id: 6, user: 3, type: 'login', current: 0, longest: 2, lastOn: null },
      { id: 7, user: 3, type: 'login', current: 0, longest: 5, lastOn: null },
    ])
    await apply(`${folders}/repaired`)
    t.same(await stored(), [
      { id: 1, user: 1, type: 'login', current: 1, longest: 60, lastOn: '2026-02-20' },
      { id: 4, user: 2, type: 'login', current: 4, longest: 9, lastOn: '2026-02-20' },
      { id: 6, user: 3, type: 'login', current: 0, longest: 5, lastOn: null },
    ])
  },
)

await t.test('what was no duplicate is left as it was, down to the time of its last change', async t => {
  await rewind([
    { id: 1, user: 1, type: 'login', current: 1, longest: 1, lastOn: '2026-02-01' },
    { id: 2, user: 2, type: 'login', current: 2, longest: 5, lastOn: '2026-02-02' },
    { id: 3, user: 2, type: 'login', current: 3, longest: 3, lastOn: '2026-02-01' },
  ])
  await sql`update user_streaks set updated_at = '2026-02-03', created_at = '2026-01-01'`
  await apply(`${folders}/repaired`)
  const times = await sql`
    select id::int, updated_at = '2026-02-03' as untouched, created_at = '2026-01-01' as since from user_streaks order by id`
  t.same(
    [...times],
    [
      { id: 1, untouched: true, since: true },
      { id: 2, untouched: false, since: true },
    ],
  )
})

await t.test('a writer that was first is merged, one that comes meanwhile waits and meets the constraint', async t => {
  await rewind([
    { id: 1, user: 1, type: 'login', current: 1, longest: 4, lastOn: '2026-02-01' },
    { id: 2, user: 1, type: 'login', current: 2, longest: 2, lastOn: '2026-02-02' },
  ])
  await sql`select setval(pg_get_serial_sequence('user_streaks', 'id'), 10)`
  const waiters = async (count: number) => {
    await until(
      async () => {
        const [row] = await sql<[{ waiting: number }]>`
          select count(*)::int as waiting from pg_locks where relation = 'user_streaks'::regclass and not granted`
        return row.waiting === count
      },
      { what: `${count} to wait for the table`, timeoutMs: 20_000 },
    )
  }
  const first = await sql.reserve()
  t.teardown(() => first.release())
  await first`begin`
  await first`
    insert into user_streaks (user_id, streak_type, current_days, longest_days, last_active_on)
    values (1, 'login', 9, 99, '2026-02-09')`
  const repair = apply(`${folders}/repaired`)
  await waiters(1)
  const late = sql`
    insert into user_streaks (user_id, streak_type, current_days, longest_days, last_active_on)
    values (1, 'login', 5, 500, '2026-02-05')`.then(
    () => 'written',
    (error: unknown) => error,
  )
  await waiters(2)
  await first`commit`
  t.same(await repair, ['0004_streaks_once.sql'])
  t.match(await late, { code: '23505', constraint_name: CONSTRAINT })
  t.same(await stored(), [{ id: 1, user: 1, type: 'login', current: 9, longest: 99, lastOn: '2026-02-09' }])
})

await t.test('afterwards an upsert has something to conflict with, and the later migrations follow', async t => {
  await rewind([])
  const upsert = () => sql`
    insert into user_streaks (user_id, streak_type, current_days, longest_days, last_active_on)
    values (2, 'learning', 1, 1, '2026-02-01')
    on conflict (user_id, streak_type) do update
    set current_days = user_streaks.current_days + 1, longest_days = user_streaks.longest_days + 1`
  await t.rejects(upsert(), { code: '42P10' })
  await apply(`${folders}/repaired`)
  await Promise.all([upsert(), upsert(), upsert()])
  t.match(await stored(), [{ user: 2, type: 'learning', current: 3 }])
  const rest = migrations.filter(({ version }) => version > 4).map(({ name }) => name)
  t.same(await apply(MIGRATIONS_FOLDER), rest)
})
