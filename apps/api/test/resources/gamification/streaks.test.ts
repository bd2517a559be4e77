// Streaks: against a model, at the same moment, with clocks that jump.
import t from 'tap'
import fc from 'fast-check'
import type { Dashboard } from '../../../src/resources/gamification/dashboard/schema.ts'
import { dayOf } from '../../../src/resources/gamification/streaks/day.ts'
import { createStreaksRepository } from '../../../src/resources/gamification/streaks/repository.ts'
import type { StreakType, UserStreak } from '../../../src/resources/gamification/streaks/schema.ts'
import { createStreaksService } from '../../../src/resources/gamification/streaks/service.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { testApp } from '../../fixture/test-app.ts'

const OPERATOR_TOKEN = 'operator-token-of-the-streaks-test'
const DAY_MS = 86_400_000

// On a busy machine a database takes its time.
t.setTimeout(60_000)

const database = await demoDatabase(t)
const { sql } = database
// Days are UTC's, whatever the server's time zone.
await sql`alter database ${sql(database.name)} set timezone = 'Pacific/Kiritimati'`
const { app, dependencies } = await testApp(t, database.url, {
  app: { operatorToken: OPERATOR_TOKEN },
  database: { maxConnections: 10 },
  cache: {},
})
const { app: other } = await testApp(t, database.url, {
  app: { operatorToken: OPERATOR_TOKEN },
  database: { maxConnections: 10 },
})

/** A service whose clock the test sets. */
const clock = {
  atMs: Date.parse('2026-03-01T12:00:00Z'),
  now(): number {
    return this.atMs
  },
}
const service = createStreaksService(createStreaksRepository(dependencies.database), { clock })

async function post(userId: number | string, payload: unknown, to = app, token = OPERATOR_TOKEN) {
  const response = await to.inject({
    method: 'POST',
    url: `/api/gamification/streaks/${userId}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    payload: JSON.stringify(payload),
  })
  return {
    status: response.statusCode,
    body: response.json<UserStreak & { code: string; issues: { field: string }[] }>(),
  }
}

async function newUser(name: string): Promise<number> {
  const [row] = await sql<[{ id: number }]>`
    insert into users (email, username, display_name) values (${`${name}@example.org`}, ${name}, ${name}) returning id::int`
  return row.id
}

async function rows(userId: number) {
  return sql`
    select streak_type as type, current_days as "currentDays", longest_days as "longestDays", last_active_on::text as "lastActiveOn"
    from user_streaks where user_id = ${userId} order by streak_type`
}

await t.test('an activity counts today, and is seen in the dashboard at once', async t => {
  const id = await newUser('active')
  const dashboard = async () =>
    (
      await app.inject({
        url: `/api/gamification/dashboard/${id}`,
        headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      })
    ).json<Dashboard>().streaks
  t.match(await dashboard(), [
    { type: 'login', currentDays: 0 },
    { type: 'learning', currentDays: 0 },
  ])
  const today = dayOf(Date.now())
  const expected = { type: 'login' as const, currentDays: 1, longestDays: 1, lastActiveOn: today }
  t.strictSame(await post(id, { type: 'login' }), { status: 200, body: { userId: id, ...expected } })
  t.strictSame((await dashboard())[0], expected)
  t.strictSame(await post(id, { type: 'practice' }), {
    status: 200,
    body: { userId: id, ...expected, type: 'practice' },
  })
  t.strictSame(
    (await dashboard()).map(({ type }) => type),
    ['login', 'learning', 'practice'],
  )
})

await t.test('the same day again changes nothing, and writes nothing', async t => {
  const id = await newUser('again')
  const first = await post(id, { type: 'login' })
  const version = () => sql`select xmin::text, ctid::text, updated_at from user_streaks where user_id = ${id}`
  const before = await version()
  t.strictSame(await post(id, { type: 'login' }), first)
  t.strictSame(await version(), before)
})

await t.test('a day ends at midnight UTC', async t => {
  const id = await newUser('midnight')
  const at = (time: string) => {
    clock.atMs = Date.parse(time)
    return service.record(id, 'login')
  }
  t.match(await at('2026-03-01T00:00:00.000Z'), { currentDays: 1, lastActiveOn: '2026-03-01' })
  t.match(await at('2026-03-01T23:59:59.999Z'), { currentDays: 1, lastActiveOn: '2026-03-01' })
  t.match(await at('2026-03-02T00:00:00.000Z'), { currentDays: 2, lastActiveOn: '2026-03-02' })
  t.match(await at('2026-03-05T09:00:00.000Z'), { currentDays: 1, longestDays: 2, lastActiveOn: '2026-03-05' })
  t.match(await at('2026-03-04T09:00:00.000Z'), { currentDays: 1, longestDays: 2, lastActiveOn: '2026-03-05' })
})

await t.test('a hundred at once, of two workers, count one day', async t => {
  for (const [name, atOnce, prepare] of [
    ['nobody before', 100, () => Promise.resolve()],
    [
      'a first row',
      20,
      (id: number) => sql`insert into user_streaks (user_id, streak_type) values (${id}, 'learning')`,
    ],
    [
      'yesterday',
      20,
      (id: number) => sql`
        insert into user_streaks (user_id, streak_type, current_days, longest_days, last_active_on)
        values (${id}, 'learning', 4, 6, ${dayOf(Date.now() - DAY_MS)}::date)`,
    ],
  ] as const) {
    const id = await newUser(`hundred-${name.replaceAll(' ', '-')}`)
    await prepare(id)
    const answers = await Promise.all(
      Array.from({ length: atOnce }, (_, index) => post(id, { type: 'learning' }, index % 2 === 0 ? app : other)),
    )
    const [row, ...more] = await rows(id)
    const [currentDays, longestDays] = name === 'yesterday' ? [5, 6] : [1, 1]
    t.same([row, ...more], [{ type: 'learning', currentDays, longestDays, lastActiveOn: dayOf(Date.now()) }], name)
    t.same(
      [...new Set(answers.map(answer => JSON.stringify(answer)))].map(text => JSON.parse(text) as unknown),
      [{ status: 200, body: { userId: id, ...row } }],
    )
  }
})

interface Model {
  day: number
  currentDays: number
  longestDays: number
}

/** What one more activity makes of a streak; days are counted from some day. */
function counted({ day, currentDays, longestDays }: Model, on: number): Model {
  if (on <= day) return { day, currentDays, longestDays }
  const days = on === day + 1 ? currentDays + 1 : 1
  return { day: on, currentDays: days, longestDays: Math.max(longestDays, days) }
}

await t.test('whatever the clock does, the streak is the model’s', async t => {
  const FIRST_MS = Date.parse('2024-02-20T08:00:00Z')
  const NEVER: Model = { day: Number.NEGATIVE_INFINITY, currentDays: 0, longestDays: 0 }
  const shown = (type: StreakType, { day, currentDays, longestDays }: Model) => ({
    type,
    currentDays,
    longestDays,
    lastActiveOn: dayOf(FIRST_MS + day * DAY_MS),
  })
  // Mostly the next day; the same one, gaps, and steps back as well.
  const step = fc.record({
    days: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 3, arbitrary: fc.integer({ min: -4, max: 4 }) }),
    type: fc.constantFrom('login' as const, 'learning' as const),
    atOnce: fc.constantFrom(1, 1, 3),
  })
  let users = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async steps => {
      const id = await newUser(`model-${(users += 1)}`)
      const models = { login: NEVER, learning: NEVER }
      let day = 0
      for (const { days, type, atOnce } of steps) {
        day += days
        clock.atMs = FIRST_MS + day * DAY_MS
        models[type] = counted(models[type], day)
        const answers = await Promise.all(Array.from({ length: atOnce }, () => service.record(id, type)))
        for (const answer of answers) t.strictSame(answer, { userId: id, ...shown(type, models[type]) })
      }
      const expected = (['learning', 'login'] as const).filter(type => models[type] !== NEVER)
      t.strictSame(
        [...(await rows(id))],
        expected.map(type => shown(type, models[type])),
      )
    }),
    { numRuns: 15 },
  )
})

await t.test('two days at the same moment end as if one had come after the other', async t => {
  const repository = createStreaksRepository(dependencies.database)
  for (let round = 0; round < 10; round += 1) {
    const id = await newUser(`two-days-${round}`)
    const days = ['2026-01-01', '2026-01-02', '2026-01-03']
    await Promise.all(days.flatMap(day => [day, day]).map(day => repository.count(id, 'login', day)))
    const [row] = await rows(id)
    t.equal(row?.['lastActiveOn'], '2026-01-03')
    // A day that comes after its successor doesn't count any more.
    t.ok([1, 2, 3].includes(row?.['currentDays'] as number))
    t.equal(row?.['longestDays'], row?.['currentDays'])
  }
})

await t.test('only operators, only users, only the types there are', async t => {
  const id = await newUser('refused')
  t.match(await post(id, { type: 'login' }, app, 'x'), { status: 401, body: { code: 'API_ERR_ACCESS_TOKEN' } })
  t.match(await post(999_999, { type: 'login' }), { status: 404, body: { code: 'API_ERR_USER_NOT_FOUND' } })
  for (const user of ['0', '-1', 'x', '9007199254740992'])
    t.match(await post(user, { type: 'login' }), { status: 400, body: { code: 'API_ERR_VALIDATION' } })
  for (const payload of [
    {},
    { type: 'Login' },
    { type: null },
    { type: 'login', on: '2026-01-01' },
    [],
    null,
    'login',
    5,
  ])
    t.match(await post(id, payload), { status: 400 }, JSON.stringify(payload))
  t.same([...(await rows(id))], [])
})
