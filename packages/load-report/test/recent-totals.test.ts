import t from 'tap'
import { RecentTotals, type Totals } from '../src/recent-totals.ts'

/** Totals of a server that answers 1000 requests per second. */
function at(atMs: number, ended = atMs): Totals {
  return { atMs, activeMs: atMs / 4, idleMs: (atMs * 3) / 4, ended, failed: ended / 10, gcPauseMs: atMs / 100 }
}

await t.test('differences are of the last second where marks come often', async t => {
  const recent = new RecentTotals(1000, at(0))
  for (let atMs = 100; atMs <= 1000; atMs += 100) {
    t.equal(recent.advance(at(atMs)).atMs, atMs, 'since the start while that is within the window')
  }
  for (let atMs = 1100; atMs <= 3000; atMs += 100) {
    t.same(recent.advance(at(atMs)), at(1000), 'then one window')
  }
})

await t.test('an idle server compares with its last mark, whenever that was', async t => {
  const recent = new RecentTotals(1000, at(0))
  for (let atMs = 100; atMs <= 2000; atMs += 100) recent.advance(at(atMs))
  t.match(recent.advance(at(4000, 2000)), { atMs: 2000, ended: 0 }, 'nothing since')
  t.match(recent.advance(at(34_000, 2003)), { atMs: 30_000, ended: 3 })
})

await t.test('the first mark after a long silence is forgotten by the next one', async t => {
  const recent = new RecentTotals(1000, at(0))
  t.match(recent.advance(at(60_000, 1)), { atMs: 60_000, ended: 1 })
  t.match(recent.advance(at(60_100, 101)), { atMs: 100, ended: 100 })
  t.match(recent.advance(at(60_200, 201)), { atMs: 200, ended: 200 })
})

await t.test('marks beyond the window are let go', async t => {
  const recent = new RecentTotals(1000, at(0))
  for (let atMs = 1; atMs <= 10_000; atMs++) recent.advance(at(atMs))
  t.match(recent.advance(at(10_500)), { atMs: 1000 }, 'the oldest within, though all the others are there')
})
