import fc from 'fast-check'
import { SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { schedule, type ScheduleOptions } from '../src/schedule.ts'

const made = (seed: number, options: Partial<ScheduleOptions> = {}) =>
  schedule({
    prefix: 'p',
    durationMs: 10_000,
    requestsPerSecond: 300,
    random: new SeededRandom(seed),
    ...options,
  })

await t.test('the same seed gives the same schedule, another seed another one', async t => {
  const few = { durationMs: 100 }
  t.same(made(7, few), made(7, few))
  t.notSame(made(7, few), made(8, few))
})

await t.test('a schedule has all of its requests, in order, within its time, each with an id of its own', async t => {
  const property = fc.property(fc.nat(), fc.integer({ min: 1, max: 400 }), fc.integer({ min: 100, max: 5000 }), check)
  function check(seed: number, requestsPerSecond: number, durationMs: number): void {
    const requests = made(seed, { requestsPerSecond, durationMs })
    t.equal(requests.length, Math.round((requestsPerSecond * durationMs) / 1000))
    t.ok(requests.every(({ atMs }, i) => atMs >= (requests[i - 1]?.atMs ?? 0) && atMs < durationMs))
    t.equal(new Set(requests.map(({ id }) => id)).size, requests.length)
  }
  fc.assert(property, { numRuns: 30 })
})

await t.test('a third of the requests are POSTs, and they keep no step with a rotation over three', async t => {
  const requests = made(1)
  const posts = requests.flatMap(({ method }, i) => (method === 'POST' ? [i] : []))
  t.ok(Math.abs(posts.length / requests.length - 1 / 3) < 0.03, `${posts.length} of ${requests.length}`)
  for (const turn of [0, 1, 2]) {
    const share = posts.filter(i => i % 3 === turn).length / posts.length
    t.ok(Math.abs(share - 1 / 3) < 0.05, `turn ${turn} gets ${share} of the POSTs`)
  }
})

await t.test('the gaps are irregular: some requests come at once, some after a pause', async t => {
  const requests = made(1)
  const gaps = requests.slice(1).map(({ atMs }, i) => atMs - (requests[i]?.atMs ?? 0))
  const meanMs = 1000 / 300
  t.ok(gaps.filter(gap => gap < meanMs / 10).length > gaps.length / 20)
  t.ok(gaps.some(gap => gap > meanMs * 4))
})

await t.test('a burst has its own rate for its time, and the rest keeps the usual one', async t => {
  const requests = made(1, { burst: { atMs: 2000, forMs: 1000, requestsPerSecond: 3000 } })
  const between = (from: number, to: number) => requests.filter(({ atMs }) => atMs >= from && atMs < to).length
  t.same([between(0, 2000), between(2000, 3000), between(3000, 10_000)], [600, 3000, 2100])
})
