// Two workers of one machine, their cache and a real database.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '@plimsoll/testing'
import t from 'tap'
import { clearCache, databaseName } from '../../src/cache/cache.ts'
import { courseTags } from '../../src/resources/courses/cache.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_CACHE, testApp } from '../fixture/test-app.ts'

const database = await demoDatabase(t)
const { sql } = database
const folder = mkdtempSync(path.join(tmpdir(), 'api-cache-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const cache = { ...NO_CACHE, machine: true, folder }

const one = await testApp(t, database.url, { cache })
const two = await testApp(t, database.url, { cache })
const [course] = await sql<{ id: string; title: string }[]>`
  select id, title from courses where status = 'published' order by published_at desc limit 1`
const id = Number(course?.id)

async function title(worker: typeof one): Promise<string> {
  return (await worker.app.inject({ url: `/api/courses/${id}` })).json<{ title: string }>().title
}

const rename = (text: string) => sql`update courses set title = ${text} where id = ${id}`

await t.test('what one worker has loaded the other one serves without asking the database', async t => {
  const first = await one.app.inject({ url: `/api/courses/${id}` })
  const second = await two.app.inject({ url: `/api/courses/${id}` })
  t.equal(first.body, second.body)
  const { courses } = two.dependencies.cache.stats().namespaces
  t.match(courses, { loads: 0, hits: { machine: 1 } })
  await two.app.inject({ url: `/api/courses/${id}` })
  t.equal(two.dependencies.cache.stats().namespaces['courses']?.hits.memory, 1)
})

await t.test('lists and lessons are kept as well, each page under its own key', async t => {
  for (const url of ['/api/courses?limit=2', '/api/courses?limit=3', `/api/courses/${id}/lessons`]) {
    const fresh = await one.app.inject({ url })
    t.equal(fresh.statusCode, 200, url)
    t.equal((await two.app.inject({ url })).body, fresh.body, url)
    t.equal((await one.app.inject({ url })).body, fresh.body, url)
  }
  const page = (await one.app.inject({ url: '/api/courses?limit=2' })).json<{ next: string }>()
  const next = await one.app.inject({ url: `/api/courses?limit=2&cursor=${page.next}` })
  t.not(next.body, (await one.app.inject({ url: '/api/courses?limit=2' })).body)
  t.match(two.dependencies.cache.stats().namespaces, { 'courses.pages': { loads: 0 }, 'courses.lessons': { loads: 0 } })
})

await t.test('a change reaches the worker that made it at once, and the other within its bound', async t => {
  await rename('Changed once')
  await one.dependencies.cache.invalidateTags([courseTags.one(id)])
  t.equal(await title(one), 'Changed once')
  await until(async () => (await title(two)) === 'Changed once', { what: 'the new title at the other worker' })
})

await t.test('an id that isn’t there is remembered for seconds, and found when it comes', async t => {
  const url = '/api/courses/987654321'
  t.equal((await one.app.inject({ url })).statusCode, 404)
  t.equal((await one.app.inject({ url })).statusCode, 404)
  t.equal(one.dependencies.cache.stats().namespaces['courses']?.hits.memory, 1)
})

await t.test('the database commands’ clearing reaches workers that are running', async t => {
  await rename('Seeded anew')
  t.not(await title(one), 'Seeded anew')
  await clearCache(cache, database.url)
  for (const worker of [one, two])
    await until(async () => (await title(worker)) === 'Seeded anew', { what: 'the new title' })
})

await t.test('figures are there for each namespace and tier', async t => {
  const text = await one.dependencies.registry.metrics()
  for (const line of [
    /^cache_hits_total\{namespace="courses",tier="memory"\} \d+$/m,
    /^cache_misses_total\{namespace="courses.lessons"\} \d+$/m,
    /^cache_loads_total\{namespace="courses",outcome="ok"\} [1-9]\d*$/m,
    /^cache_load_duration_seconds_bucket\{le="\+Inf",namespace="courses"\} [1-9]\d*$/m,
    /^cache_evictions_total\{namespace="courses",reason="entries"\} 0$/m,
    /^cache_memory_entries\{namespace="courses"\} [1-9]/m,
    /^cache_tier_entries\{tier="machine"\} [1-9]/m,
    /^cache_tier_down\{tier="machine"\} 0$/m,
    /^cache_out_of_touch 0$/m,
  ])
    t.match(text, line)
})

await t.test('with the cache off every answer is the database’s', async t => {
  const off = await testApp(t, database.url)
  await title(off)
  await rename('Not cached')
  t.equal(await title(off), 'Not cached')
})

await t.test('hot keys are saved at the end and loaded at the next start, critical ones in any case', async t => {
  const file = path.join(folder, 'hot.json')
  const own = mkdtempSync(path.join(tmpdir(), 'api-cache-'))
  t.teardown(() => rmSync(own, { recursive: true, force: true }))
  const before = await testApp(t, database.url, { cache: { ...cache, folder: own }, warmUp: { file } })
  await title(before)
  await before.dependencies.warmUp?.close()
  const other = mkdtempSync(path.join(tmpdir(), 'api-cache-'))
  t.teardown(() => rmSync(other, { recursive: true, force: true }))
  const after = await testApp(t, database.url, {
    cache: { ...cache, folder: other },
    warmUp: { file, critical: ['courses.pages {"limit":20}', 'nothing 5'] },
  })
  await after.dependencies.warmUp?.run()
  t.match(after.dependencies.cache.stats().namespaces, { courses: { loads: 1 }, 'courses.pages': { loads: 1 } })
  await title(after)
  await after.app.inject({ url: '/api/courses' })
  t.match(after.dependencies.cache.stats().namespaces, { courses: { loads: 1 }, 'courses.pages': { loads: 1 } })
})

await t.test('a database’s cache has a name that tells databases apart and nothing else', t => {
  const name = databaseName('postgres://user:secret@db.example:5432/app')
  t.equal(name, databaseName('postgres://other:pass@db.example/app'))
  t.not(name, databaseName('postgres://user:secret@db.example:5433/app'))
  t.match(name, /^api-[0-9a-f]{12}$/)
  t.end()
})
