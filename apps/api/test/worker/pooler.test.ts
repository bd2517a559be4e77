// A worker whose DATABASE_URL leads through a pooler: Debian's PgBouncer in transaction mode, which the test starts and kills.
import t from 'tap'
import { requireProgram, startPgBouncer, until } from '@plimsoll/testing'
import { demoDatabase } from '../fixture/demo-database.ts'
import { testApp, type TestApp } from '../fixture/test-app.ts'
import type { CourseSummary } from '../../src/resources/courses/schema.ts'

const database = await demoDatabase(t)

await t.test('requests go through the pooler, and past it when it is gone', async t => {
  const found = requireProgram(t, 'pgbouncer')
  if (found === undefined) return
  const pooler = await startPgBouncer(t, found, database.url)
  const { app, dependencies, logged } = await testApp(t, pooler.url, { database: { directUrl: database.url } })
  const get = (url: string) => app.inject({ url })
  const route = async () => (await get('/health/ready')).json<{ database: { route: string } }>().database.route
  await until(async () => (await get('/api/db-test')).statusCode === 200, { what: 'an answer' })

  const list = '/api/courses?limit=20'
  const { items } = (await get(list)).json<{ items: CourseSummary[] }>()
  const urls = [list, ...items.flatMap(({ id }) => [`/api/courses/${id}`, `/api/courses/${id}/lessons`])]
  const read = async (from: TestApp['app']) => {
    const answers = await Promise.all(urls.map(url => from.inject({ url })))
    return answers.map(({ statusCode, body }) => [statusCode, body])
  }
  const { app: plain } = await testApp(t, database.url)
  const expected = await read(plain)
  t.equal(expected.length, 41)
  t.same(await read(app), expected, 'the same as from the server itself')
  t.equal(await route(), 'pooled')

  const underWay = read(app)
  pooler.program.kill('SIGKILL')
  t.same(await underWay, expected, 'what was under way is asked for again')
  await pooler.program.exited
  t.same(await read(app), expected, 'and what comes later takes the other route')
  t.equal(await route(), 'direct')
  t.ok(logged.some(({ msg, level, route }) => level === 'warn' && route === 'pooled' && /is left/.test(String(msg))))
  t.match(await dependencies.registry.metrics(), /^db_route_used\{route="direct"\} 1$/m)
})
