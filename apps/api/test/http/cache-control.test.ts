import t from 'tap'
import fc from 'fast-check'
import { cacheControlOf } from '../../src/http/cache-control.ts'

const HOUR_MS = 3_600_000

await t.test(
  'public data may be kept: a minute by browsers, as long as they are fresh by caches on the way',
  async t => {
    const courses = cacheControlOf('courses', 'production')
    t.equal(
      courses(Number.POSITIVE_INFINITY),
      'public, max-age=60, s-maxage=900, stale-while-revalidate=30, stale-if-error=600',
    )
    t.equal(courses(300_999), 'public, max-age=60, s-maxage=300, stale-while-revalidate=30, stale-if-error=600')
    t.equal(courses(7500), 'public, max-age=7, s-maxage=7, stale-while-revalidate=30, stale-if-error=600')
    t.match(cacheControlOf('search', 'production')(HOUR_MS), /s-maxage=180, .*stale-if-error=60$/)
  },
)

await t.test('what is past its time, or ends within the second, is asked for each time', async t => {
  const courses = cacheControlOf('courses', 'production')
  for (const leftMs of [999, 0, -1, -30_000]) t.equal(courses(leftMs), 'no-cache')
})

await t.test(
  'nobody is told to keep anything longer than it stays fresh, in whatever order answers go out',
  async t => {
    const courses = cacheControlOf('courses', 'production')
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 2_000_000 }), leftMs => {
        const text = courses(leftMs)
        const seconds = (name: string) => Number(new RegExp(`[ ]${name}=(\\d+)`).exec(text)?.[1] ?? 0)
        return (
          seconds('s-maxage') * 1000 <= Math.max(0, leftMs) &&
          seconds('s-maxage') <= 900 &&
          seconds('max-age') <= Math.min(60, seconds('s-maxage'))
        )
      }),
      { numRuns: 300 },
    )
    t.pass('300 of them')
  },
)

await t.test('staging keeps for a minute at most, development asks each time', async t => {
  t.match(cacheControlOf('courses', 'staging')(HOUR_MS), /^public, max-age=60, s-maxage=60, /)
  t.match(cacheControlOf('courses', 'staging')(5000), /^public, max-age=5, s-maxage=5, /)
  t.equal(cacheControlOf('courses', 'development')(HOUR_MS), 'no-cache')
})

await t.test('a user’s own data are kept by their browser alone, and asked for each time', async t => {
  for (const environment of ['development', 'staging', 'production'] as const)
    t.equal(cacheControlOf('user', environment)(HOUR_MS), 'private, no-cache')
})

await t.test('what changes with releases only is kept for an hour, a day, a week', async t => {
  t.equal(cacheControlOf('static', 'development')(Number.POSITIVE_INFINITY), 'public, max-age=3600')
  t.equal(cacheControlOf('static', 'staging')(Number.POSITIVE_INFINITY), 'public, max-age=86400')
  t.equal(cacheControlOf('static', 'production')(Number.POSITIVE_INFINITY), 'public, max-age=604800')
})
