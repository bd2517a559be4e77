// Dashboards and badges: one statement against the same worked out by hand, and users who come for the first time.
import t from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '@plimsoll/testing'
import { KINDS } from '../../../src/cache/kinds.ts'
import type { BadgeList } from '../../../src/resources/gamification/badges/schema.ts'
import { createDashboardRepository } from '../../../src/resources/gamification/dashboard/repository.ts'
import type { Dashboard } from '../../../src/resources/gamification/dashboard/schema.ts'
import { dashboardStatement } from '../../../src/resources/gamification/dashboard/statement.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { testApp } from '../../fixture/test-app.ts'
import { plainDashboard, readTables } from './plain-dashboard.ts'

// On a busy machine a database takes its time.
t.setTimeout(60_000)

const database = await demoDatabase(t)
const { sql } = database
// Nothing may depend on the server's time zone.
await sql`alter database ${sql(database.name)} set timezone = 'Pacific/Chatham'`
const OPERATOR = { authorization: 'Bearer a-token-of-operators' }
const asOperator = { app: { operatorToken: 'a-token-of-operators' } }
const { app, dependencies } = await testApp(t, database.url, asOperator)

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the address answers
async function get<Body>(url: string, from = app): Promise<{ status: number; body: Body }> {
  const response = await from.inject({ url: `/api/gamification${url}`, headers: OPERATOR })
  return { status: response.statusCode, body: response.json<Body>() }
}
const today = () => new Date().toISOString().slice(0, 10)

async function newUser(name: string): Promise<number> {
  const [row] = await sql<[{ id: number }]>`
    insert into users (email, username, display_name) values (${`${name}@example.org`}, ${name}, ${name}) returning id::int`
  return row.id
}

/** What a user has of what every user has. */
async function firstThings(id: number) {
  const [row] = await sql`
    select (select count(*)::int from wallets where user_id = ${id}) as wallets,
           (select array_agg(streak_type order by streak_type) from user_streaks where user_id = ${id}) as streaks,
           (select count(*)::int from user_badges where user_id = ${id}) as badges`
  return row
}
const ALL_FIRST_THINGS = { wallets: 1, streaks: ['learning', 'login'], badges: 1 }

await t.test('every user of the demo data sees what their rows say, cold or not', async t => {
  // A few cases that may be rare: a course without lessons, one that was withdrawn, one that's finished but for the mark, one with all of it to do.
  await sql`
    insert into enrolments (user_id, course_id)
    select u, c.id from unnest(array[1, 2]) u cross join courses c
    where c.status = 'archived' or not exists (select from lessons where course_id = c.id) or c.id <= 14
    on conflict do nothing`
  await sql`
    insert into progress (user_id, lesson_id, percent, started_at, updated_at, completed_at)
    select 2, id, 100, now() - interval '3 days', now() - interval '2 days', now() - interval '2 days'
    from lessons where course_id = (select course_id from enrolments where user_id = 2 and completed_at is null order by 1 desc limit 1)
    on conflict do nothing`
  await sql`
    update user_streaks set last_active_on = (now() at time zone 'UTC')::date - (id % 4)::int where user_id < 20 and current_days > 0`
  const users = await sql<{ id: number }[]>`select id::int from users order by id`
  t.ok(users.length >= 50)
  const day = today()
  const seen = new Map(
    await Promise.all(users.map(async ({ id }) => [id, await get<Dashboard>(`/dashboard/${id}`)] as const)),
  )
  const tables = await readTables(sql)
  t.equal(today(), day, 'not at midnight')
  for (const [id, { status, body }] of seen) {
    t.equal(status, 200)
    t.strictSame(body, plainDashboard(tables, id, day), `user ${id}`)
    t.ok(
      body.streaks.length >= 2 && body.badges.newest.some(({ code }) => code === 'welcome' || body.badges.earned > 5),
    )
  }
  const bodies = [...seen.values()].map(({ body }) => body)
  t.ok(
    bodies.some(({ coursesInProgress, totals }) => totals.coursesInProgress > coursesInProgress.length),
    'bounded',
  )
  t.ok(
    bodies.some(({ coursesInProgress }) =>
      coursesInProgress.some(({ nextLesson, percent }) => nextLesson === null && percent === 100),
    ),
  )
  t.ok(bodies.some(({ coursesInProgress }) => coursesInProgress.some(({ lessonCount }) => lessonCount === 0)))
  t.ok(
    bodies.some(({ streaks }) => streaks.some(({ currentDays, longestDays }) => currentDays === 0 && longestDays > 0)),
  )
  t.ok(bodies.some(({ streaks }) => streaks.some(({ currentDays }) => currentDays > 0)))
  t.notMatch(JSON.stringify(bodies), '@', 'no e-mail address')
})

await t.test('a user who has everything causes no write, and no number of a transaction', async t => {
  const id = await newUser('warm')
  const run = () =>
    dependencies.database.transaction('test', async tx => {
      const [row] = await dashboardStatement(tx, id, today())
      const [transaction] = await tx<[{ xid: string | null }]>`select pg_current_xact_id_if_assigned()::text as xid`
      return { initialised: row?.initialised, recent: row?.recent, complete: row?.complete, xid: transaction.xid }
    })
  t.match(await run(), { initialised: true, recent: false, complete: true, xid: /^\d+$/ }, 'the first time')
  t.same(await run(), { initialised: false, recent: true, complete: true, xid: null }, 'soon after')
  const age = async (table: string, column: string, ms: number) => {
    await sql`update ${sql(table)} set ${sql(column)} = now() - ${ms} * interval '1 ms' where user_id = ${id}`
    return (await run()).recent
  }
  t.equal(await age('wallets', 'created_at', KINDS.userData.ttlMs * 2), true, 'the badge is still new')
  t.equal(await age('user_badges', 'awarded_at', KINDS.userData.ttlMs * 2), false, 'nobody has answers from before it')
  t.equal(await age('wallets', 'created_at', KINDS.userData.ttlMs), true)
  t.equal(await age('wallets', 'created_at', KINDS.userData.ttlMs * 2), false)
  t.same(await run(), { initialised: false, recent: false, complete: true, xid: null }, 'ever after')
  t.same(await firstThings(id), ALL_FIRST_THINGS)
})

await t.test('what is missing is made, what is there is left alone', async t => {
  const id = await newUser('half')
  await sql`insert into user_streaks (user_id, streak_type, current_days, longest_days, last_active_on)
            values (${id}, 'login', 4, 9, ${today()}), (${id}, 'practice', 1, 1, ${today()})`
  const { body } = await get<Dashboard>(`/dashboard/${id}`)
  t.match(body, {
    wallet: { balance: 0, newest: [] },
    streaks: [
      { type: 'login', currentDays: 4, longestDays: 9, lastActiveOn: today() },
      { type: 'learning', currentDays: 0, longestDays: 0, lastActiveOn: null },
      { type: 'practice', currentDays: 1 },
    ],
    badges: { earned: 1, newest: [{ code: 'welcome' }] },
    totals: { lessonsCompleted: 0, minutesLearned: 0, coursesCompleted: 0, coursesInProgress: 0, activeDays: 0 },
  })
  t.same(await firstThings(id), { ...ALL_FIRST_THINGS, streaks: ['learning', 'login', 'practice'] })
})

await t.test('first requests at the same moment: one set of everything, and the same right answer to all', async t => {
  const { app: other } = await testApp(t, database.url, { ...asOperator, database: { maxConnections: 10 } })
  const repository = createDashboardRepository(dependencies.database)
  for (let round = 0; round < 3; round += 1) {
    const id = await newUser(`cold-${round}`)
    // The cache would make them one: so half of them go past it.
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        index % 2 === 0
          ? (await repository.read(id, today()))?.dashboard
          : (await get<Dashboard>(`/dashboard/${id}`, other)).body,
      ),
    )
    t.same(await firstThings(id), ALL_FIRST_THINGS)
    const truth = plainDashboard(await readTables(sql), id, today())
    for (const answer of answers) t.strictSame(answer, truth)
  }
})

await t.test('who meets another first request in the middle waits for it, and answers with its rows', async t => {
  const id = await newUser('blocked')
  const repository = createDashboardRepository(dependencies.database)
  const other = await sql.reserve()
  await other`begin`
  await other`insert into wallets (user_id, balance) values (${id}, 7)`
  await other`insert into user_badges (user_id, badge_id, awarded_at) select ${id}, id, '2020-01-02T03:04:05.006Z' from badges where code = 'welcome'`
  const read = repository.read(id, today())
  await until(
    async () =>
      (await sql`select from pg_stat_activity where wait_event = 'transactionid' and datname = ${database.name}`)
        .length > 0,
    { what: 'the statement to wait for the other' },
  )
  await other`commit`
  other.release()
  t.match(await read, {
    dashboard: { wallet: { balance: 7 }, badges: { earned: 1, newest: [{ awardedAt: '2020-01-02T03:04:05.006Z' }] } },
    initialised: true,
  })
})

await t.test('a catalogue without the first badge is no reason to fail', async t => {
  await sql`update badges set code = 'not-welcome' where code = 'welcome'`
  t.teardown(() => sql`update badges set code = 'welcome' where code = 'not-welcome'`)
  const id = await newUser('unwelcome')
  t.match(await get(`/dashboard/${id}`), { status: 200, body: { badges: { earned: 0, points: 0, newest: [] } } })
})

await t.test('badges: all there are, with those that were earned and when', async t => {
  const [someone] = await sql<[{ id: number }]>`
    select user_id::int as id from user_badges group by 1 order by count(*) desc limit 1`
  const { status, body } = await get<BadgeList>(`/badges/${someone.id}`)
  const tables = await readTables(sql)
  const awards = new Map(
    tables.user_badges.filter(({ user_id }) => user_id === someone.id).map(row => [row.badge_id, row.awarded_at]),
  )
  t.equal(status, 200)
  t.strictSame(body, {
    userId: someone.id,
    earned: awards.size,
    points: tables.badges.filter(({ id }) => awards.has(id)).reduce((sum, { points }) => sum + points, 0),
    items: tables.badges
      .toSorted((a, b) => a.id - b.id)
      .map(({ id, code, name, tier, points, description }) => ({
        code,
        name,
        tier: tier as 'gold',
        points,
        description,
        earned: awards.has(id),
        awardedAt: awards.get(id)?.toISOString() ?? null,
      })),
  })
  t.ok(body.earned > 0 && body.earned < body.items.length)
  t.match(await get(`/badges/${await newUser('without')}`), { status: 200, body: { earned: 0, points: 0 } })
})

await t.test('cached: the second time nothing is asked, and a first dashboard shows in the badges at once', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'api-cache-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { app: cached, dependencies: own } = await testApp(t, database.url, {
    ...asOperator,
    cache: { machine: true, folder },
  })
  const id = await newUser('cached')
  const statements = async () => {
    const text = await own.registry.getSingleMetricAsString('db_queries_total')
    return Number(/name="gamification.dashboard",outcome="ok"\} (\d+)/.exec(text)?.[1] ?? 0)
  }
  t.match((await get<BadgeList>(`/badges/${id}`, cached)).body, { earned: 0 })
  const first = await get<Dashboard>(`/dashboard/${id}`, cached)
  const asked = await statements()
  t.same(await get<Dashboard>(`/dashboard/${id}`, cached), first)
  t.equal(await statements(), asked)
  t.match((await get<BadgeList>(`/badges/${id}`, cached)).body, { earned: 1, points: first.body.badges.points })
})

await t.test('a welcome of which nobody was told is told by the next dashboard', async t => {
  const { app: cached } = await testApp(t, database.url, { ...asOperator, cache: {} })
  const id = await newUser('untold')
  t.match((await get<BadgeList>(`/badges/${id}`, cached)).body, { earned: 0 })
  // By a worker that was killed before it had its answer.
  await createDashboardRepository(dependencies.database).read(id, today())
  t.match((await get<BadgeList>(`/badges/${id}`, cached)).body, { earned: 0 }, 'so that there is something to tell')
  t.match((await get<Dashboard>(`/dashboard/${id}`, cached)).body, { badges: { earned: 1 } })
  t.match((await get<BadgeList>(`/badges/${id}`, cached)).body, { earned: 1 })
})

await t.test('users that are not there, and ids that are none', async t => {
  for (const path of ['dashboard', 'badges', 'wallet']) {
    t.match(await get(`/${path}/999999`), { status: 404, body: { code: 'API_ERR_USER_NOT_FOUND' } })
    t.match(await get(`/${path}/9007199254740991`), { status: 404 })
    for (const id of ['0', '-1', '01', '1.0', 'abc', '9007199254740992', "1'--", '%00', '٣'])
      t.match(
        await get(`/${path}/${encodeURIComponent(id).replace('%2500', '%00')}`),
        { status: 400, body: { code: 'API_ERR_VALIDATION', issues: [{ field: 'params.id' }] } },
        id,
      )
    t.match(await get(`/${path}/1?x=1`), { status: 400, body: { issues: [{ field: 'query.x' }] } })
  }
  t.same(await firstThings(999_999), { wallets: 0, streaks: null, badges: 0 }, 'nothing was made for nobody')
})

await t.test('the statement reads by indexes, whatever is asked of large tables', async t => {
  const { string: text } = await dashboardStatement(dependencies.database.sql, 1, today()).describe()
  const plan = await sql.begin(async tx => {
    // The small tables are cheaper to scan; with that out of the way the plan shows whether there's an index for it.
    await tx`set local enable_seqscan = off`
    const [row] = await tx.unsafe<[{ 'QUERY PLAN': unknown }]>(`explain (generic_plan, format json) ${text}`)
    return JSON.stringify(row['QUERY PLAN'])
  })
  t.notMatch(plan, '"Node Type":"Seq Scan"')
  const scanned = new Set(Array.from(plan.matchAll(/"Relation Name":"(\w+)"/g), ([, name]) => name))
  for (const name of ['progress', 'lessons', 'enrolments', 'wallet_transactions', 'user_badges', 'user_streaks'])
    t.ok(scanned.has(name), name)
})
