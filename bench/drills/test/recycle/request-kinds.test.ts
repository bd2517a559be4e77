import { SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { KINDS, scheduleMix } from '../../src/recycle/request-kinds.ts'

const made = (seed: number, mix: Parameters<typeof scheduleMix>[0]['mix']) =>
  scheduleMix({ prefix: 'p', durationMs: 10_000, requestsPerSecond: 200, mix, random: new SeededRandom(seed) })

await t.test(
  'all requests are there, in order, within their time, each with an id and the path of its kind',
  async t => {
    const requests = made(1, { get: 1, post: 1 })
    t.equal(requests.length, 2000)
    t.ok(requests.every(({ atMs }, i) => atMs >= (requests[i - 1]?.atMs ?? 0) && atMs < 10_000))
    t.equal(new Set(requests.map(({ id }) => id)).size, 2000)
    t.ok(requests.every(({ path, id }) => path === KINDS.get.path + id))
  },
)

await t.test('kinds come by their parts, and one with none of it does not come', async t => {
  const counts = Map.groupBy(made(2, { get: 3, slow: 1, leak: 0 }), ({ path }) => path?.split('/')[1])
  t.same(new Set(counts.keys()), new Set(['slow', 'work']))
  const share = (counts.get('slow')?.length ?? 0) / 2000
  t.ok(share > 0.2 && share < 0.3, String(share))
})

await t.test('the same seed gives the same schedule', async t => {
  const paths = (seed: number) =>
    made(seed, { get: 1, slow: 1 })
      .map(({ path, atMs }) => `${atMs} ${path}`)
      .join('\n')
  t.ok(paths(7) === paths(7))
  t.ok(paths(7) !== paths(8))
})
