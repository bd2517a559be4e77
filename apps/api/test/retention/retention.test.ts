// Sweeps on a real database, by two pools as two workers have them; and when they come, by a clock that stands still.
import t from 'tap'
import { readFileSync } from 'node:fs'
import { createRegistry, createLogger } from '@plimsoll/telemetry'
import { FakeClock, until } from '@plimsoll/testing'
import { retention } from '../../src/config/retention-options.ts'
import { systemClock } from '../../src/programs.ts'
import { Retention } from '../../src/retention/retention.ts'
import { RETENTION_RULES, type RetentionDays } from '../../src/retention/rules.ts'
import { RETENTION_LOCK_KEY, sweep } from '../../src/retention/sweep.ts'
import { USER_REFERENCES } from '../../src/retention/stand-ins.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { testApp, type TestApp } from '../fixture/test-app.ts'

t.setTimeout(60_000)

const DAYS: RetentionDays = {
  expiredTokensDays: 7,
  readNotificationsDays: 90,
  unreadNotificationsDays: 365,
  pitchViewsDays: 400,
  aiInteractionsDays: 180,
  erasedDealsDays: 3650,
}
const KEEP: RetentionDays = {
  expiredTokensDays: 0,
  readNotificationsDays: 0,
  unreadNotificationsDays: 0,
  pitchViewsDays: 0,
  aiInteractionsDays: 0,
  erasedDealsDays: 0,
}
const database = await demoDatabase(t)
const { sql } = database
const one = await testApp(t, database.url)
const two = await testApp(t, database.url)
const never = new AbortController().signal

interface Swept {
  readonly deleted: Record<string, number>
  readonly batches: number
}

async function sweepBy(
  worker: TestApp,
  {
    days = DAYS,
    batchSize = 10,
    signal = never,
  }: { days?: RetentionDays; batchSize?: number; signal?: AbortSignal } = {},
): Promise<Swept> {
  const deleted: Record<string, number> = {}
  let batches = 0
  await sweep(
    { days, batchSize, pauseMs: 1 },
    {
      database: worker.dependencies.database,
      families: worker.dependencies.auth.families,
      carryOnErasures: async () => 0,
      clock: systemClock,
      onDeleted: (table, rows) => {
        batches += 1
        deleted[table] = (deleted[table] ?? 0) + rows
      },
    },
    signal,
  )
  return { deleted, batches }
}

/** Rows of these ages in days, in every table with a rule. */
async function fill(ages: readonly number[]): Promise<void> {
  await sql.unsafe(`
    delete from notifications; delete from pitch_views; delete from ai_interactions; delete from user_tokens; delete from token_families;
    with ages as (select now() - age * interval '1 day' as at from unnest(array[${ages.join()}]) age),
    read as (insert into notifications (user_id, kind, title, body, created_at, read_at) select 1, 'system', 'read', '', at, at from ages),
    unread as (insert into notifications (user_id, kind, title, body, created_at) select 1, 'system', 'unread', '', at from ages),
    views as (insert into pitch_views (pitch_id, viewer_id, viewed_at) select (select min(id) from pitches), 1, at from ages),
    asked as (
      insert into ai_interactions (session_id, model, prompt, prompt_tokens, created_at)
      select (select min(id) from sessions), 'model', 'prompt', 1, at from ages returning id, session_id
    )
    insert into user_tokens (user_id, type, token, created_at, expires_at)
    select 1, 'verify-email', md5(at::text) || md5(at::text || 'x'), at - interval '1 hour', at from ages`)
  await sql`
    insert into ai_responses (interaction_id, session_id, content, response_tokens, latency_ms)
    select id, session_id, 'answer', 1, 1 from ai_interactions`
}

async function agesOf(table: string, column: string, condition = 'true'): Promise<number[]> {
  const rows = await sql.unsafe<{ age: number }[]>(
    `select round(extract(epoch from now() - ${column}) / 86400)::int as age from ${table} where ${condition} order by 1`,
  )
  return rows.map(({ age }) => age)
}

await t.test('what is past its time goes, in small batches, and nothing else; 0 days keep', async t => {
  // Each rule has its own ages on both sides of it.
  const ages = [1, 6, 8, 89, 91, 179, 181, 364, 366, 399, 401, ...Array.from({ length: 25 }, (_, index) => 500 + index)]
  await fill(ages)
  t.same((await sweepBy(one, { days: KEEP })).deleted, {})
  const { deleted, batches } = await sweepBy(one)
  const older = (days: number) => ages.filter(age => age > days).length
  t.same(deleted, {
    user_tokens: older(7),
    notifications: older(90) + older(365),
    pitch_views: older(400),
    ai_interactions: older(180),
  })
  t.ok(
    batches >= (older(7) + older(90) + older(365) + older(400) + older(180)) / 10,
    'no batch is larger than it may be',
  )
  const younger = (days: number) => ages.filter(age => age <= days)
  t.same(await agesOf('user_tokens', 'expires_at'), younger(7))
  t.same(await agesOf('notifications', 'created_at', "title = 'read'"), younger(90))
  t.same(await agesOf('notifications', 'created_at', "title = 'unread'"), younger(365))
  t.same(await agesOf('pitch_views', 'viewed_at'), younger(400))
  t.same(await agesOf('ai_interactions', 'created_at'), younger(180))
  const [answers] = await sql`select count(*)::int as count from ai_responses`
  t.same(answers, { count: younger(180).length }, 'answers go with their questions')
  t.same((await sweepBy(one)).deleted, {}, 'nothing is left to do')
})

await t.test('deals of who was erased go after their time, those of others stay', async t => {
  await sql.unsafe(`
    insert into users (email, username, display_name, erasure) values ('stand-in@erased.invalid', 'stand-in', 'Erased user', 'done');
    update investments set created_at = now() - interval '4000 days', updated_at = now() - interval '4000 days';
    update ndas set status = 'signed', signed_at = now(), created_at = now() - interval '4000 days';
    update investments set investor_id = (select id from users where username = 'stand-in') where id in (select min(id) from investments);
    update ndas set user_id = (select id from users where username = 'stand-in') where id in (select min(id) from ndas);`)
  t.same((await sweepBy(one)).deleted, { investments: 1, ndas: 1, users: 1 }, 'and then the stand-in')
})

await t.test('stand-ins go when nothing refers to them any more, in batches, whatever the days', async t => {
  const references = await sql<{ table: string; column: string }[]>`
    select c.conrelid::regclass::text as table, a.attname as column
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'f' and c.confrelid = 'users'::regclass`
  t.same(
    USER_REFERENCES.map(([table, column]) => `${table}.${column}`).toSorted(),
    references.map(({ table, column }) => `${table}.${column}`).toSorted(),
    'whatever refers to users is looked at',
  )
  await sql`
    insert into users (email, username, display_name, erasure)
    select 'unused-' || n || '@erased.invalid', 'unused-' || n, 'Erased user', 'done' from generate_series(1, 25) n`
  await sql`
    insert into users (email, username, display_name, erasure) values ('begun@erased.invalid', 'begun', 'Erased user', 'begun')`
  await sql`update courses set instructor_id = (select id from users where username = 'unused-7') where id in (select min(id) from courses)`
  const usernames = async () =>
    (await sql<{ username: string }[]>`select username from users where erasure is not null order by 1`).map(
      ({ username }) => username,
    )
  await sql.begin(async tx => {
    // Uncommitted: somebody refers to one.
    await tx`insert into notifications (user_id, kind, title, body) select id, 'system', 'A title', '' from users where username = 'unused-9'`
    t.match(await sweepBy(one, { days: KEEP }), { deleted: { users: 23 }, batches: 3 })
  })
  t.same(await usernames(), ['begun', 'unused-7', 'unused-9'])
  t.same((await sweepBy(one, { days: KEEP })).deleted, {})
  await sql`delete from notifications where title = 'A title'`
  t.same((await sweepBy(one, { days: KEEP })).deleted, { users: 1 })
})

await t.test('one worker sweeps at a time, and who comes meanwhile leaves it to that one', async t => {
  await fill(Array.from({ length: 60 }, (_, index) => 500 + index))
  const held = await sql.reserve()
  t.teardown(() => held.release())
  await held`select pg_advisory_lock(${String(RETENTION_LOCK_KEY)}::bigint)`
  t.notOk('pitch_views' in (await sweepBy(two)).deleted, 'nothing while another has the lock')
  await held`select pg_advisory_unlock(${String(RETENTION_LOCK_KEY)}::bigint)`
  const [first, second] = await Promise.all([sweepBy(one), sweepBy(two)])
  const views = [first, second].map(({ deleted }) => deleted['pitch_views'] ?? 0)
  t.equal(
    views.reduce((sum, rows) => sum + rows),
    60,
    'all of it, by whichever',
  )
  t.same(await agesOf('pitch_views', 'viewed_at'), [])
})

await t.test('rows that somebody holds are passed over, and wait for the next time', async t => {
  await fill([500, 501, 502])
  await sql.begin(async tx => {
    await tx`select from pitch_views order by viewed_at limit 1 for update`
    t.equal((await sweepBy(one)).deleted['pitch_views'], 2)
  })
  t.equal((await sweepBy(one)).deleted['pitch_views'], 1)
})

await t.test('each rule finds the oldest by an index in the order of its age', async t => {
  await fill(Array.from({ length: 2000 }, (_, index) => index / 4))
  await sql`analyze notifications, pitch_views, ai_interactions`
  const indexes = [
    'idx_notifications_read_at',
    'idx_notifications_unread_created',
    'idx_pitch_views_viewed_at',
    'idx_ai_interactions_created_at',
  ]
  for (const [place, index] of indexes.entries()) {
    const text = RETENTION_RULES[place]?.text ?? ''
    const plan = await sql.unsafe<Record<string, string>[]>(`explain ${text.replace('$1', '90').replace('$2', '10')}`)
    const lines = plan.map(line => line['QUERY PLAN']).join('\n')
    t.match(lines, new RegExp(`Limit.*Index Scan using ${index}`, 's'))
    t.notMatch(lines, /Sort/)
  }
})

await t.test(
  'a sweep comes by chance within the hour, then every hour or so; closing aborts it, and waits',
  async t => {
    const clock = new FakeClock()
    const lines: unknown[] = []
    const logger = createLogger({
      level: 'info',
      name: 'test',
      destination: { write: line => void lines.push((JSON.parse(line) as { msg: string }).msg) },
    })
    const registry = createRegistry({ prefix: 'test_' })
    const ended: string[] = []
    let outcome: 'deletes' | 'fails' | 'hangs' = 'deletes'
    let sweeps = 0
    const hourly = new Retention({
      async sweep(signal, onDeleted) {
        sweeps += 1
        if (outcome === 'fails') throw new Error('The database is away.')
        if (outcome === 'deletes') return onDeleted('notifications', 3)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      },
      clock,
      random: { next: () => 0.5 },
      logger,
      registry,
      intervalMs: 1000,
    })
    hourly.start()
    await clock.advanceAsync(499)
    t.equal(sweeps, 0)
    await clock.advanceAsync(1)
    t.equal(sweeps, 1)
    outcome = 'fails'
    await clock.advanceAsync(1000)
    outcome = 'hangs'
    await clock.advanceAsync(1000)
    t.equal(sweeps, 3, 'a failure is no end')
    await clock.advanceAsync(10_000)
    t.equal(sweeps, 3, 'never two at once')
    await hourly.close().then(() => ended.push('closed'))
    t.same(ended, ['closed'])
    t.equal(clock.pending, 0)
    t.same(lines, ['deleted what was past its time', 'deleting what is past its time failed; it is tried again later'])
    t.match(await registry.getSingleMetricAsString('retention_deleted_rows_total'), /\{table="notifications"\} 3$/m)
  },
)

await t.test('closing ends a statement that waits', async t => {
  await fill([500])
  const stop = new AbortController()
  await sql.begin(async tx => {
    await tx`lock table pitch_views in access exclusive mode`
    const swept = sweepBy(one, { signal: stop.signal })
    await until(
      async () => {
        const [row] = await sql`
        select count(*)::int as waiting from pg_locks where relation = 'pitch_views'::regclass and not granted`
        return row?.['waiting'] === 1
      },
      { what: 'the sweep to wait for the table' },
    )
    stop.abort(new Error('The worker ends.'))
    await t.rejects(swept, { message: 'The worker ends.' })
  })
  t.same(await agesOf('pitch_views', 'viewed_at'), [500])
})

await t.test('the table of the README is the one of the code', t => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const rows = Array.from(
    readme.matchAll(/^\| `(\w+)` +\| [^|]+ \| (\d+) +\| `retention\.(\w+)` +\|$/gm),
    ([, table, days, option]) => [table, Number(days), option],
  )
  const rules = [{ table: 'user_tokens', days: 'expiredTokensDays' as const }, ...RETENTION_RULES]
  t.same(
    rows,
    rules.map(({ table, days }) => [table, DAYS[days], days]),
  )
  // The same defaults as the options.
  const defaults = Object.entries(retention.properties).map(([name, option]) => [
    name,
    (option as { default?: unknown }).default,
  ])
  t.same(Object.fromEntries(defaults), DAYS)
  t.end()
})

await t.test('a worker that is told how long to keep sweeps by itself, until it ends', async t => {
  await fill([500])
  const { dependencies } = await testApp(t, database.url, { retention: DAYS, random: { next: () => 0 } })
  await until(async () => (await agesOf('ai_interactions', 'created_at')).length === 0, { what: 'the sweep' })
  t.match(await dependencies.registry.metrics(), /^retention_deleted_rows_total\{table="pitch_views"\} 1$/m)
  t.notMatch(await one.dependencies.registry.metrics(), 'retention_', 'and one that is not does not')
})
