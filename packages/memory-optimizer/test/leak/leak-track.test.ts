// The rule on made-up heaps: a few seeds of each case. The rates with many seeds are measured in test/long.
import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { LeakTrack } from '../../src/leak/leak-track.ts'
import { FALSE_ALARM_CASES, LEAK_CASES } from './simulated-cases.ts'
import { DEFAULT_SETTINGS, simulate } from './simulated-heap.ts'

const SEEDS = [1, 2]
const MIB = 1_048_576

await t.test('heaps that do not leak are not called leaks', async t => {
  for (const { name, heap } of FALSE_ALARM_CASES) {
    const collections = Math.min(heap.collections, 380)
    const called = SEEDS.filter(
      seed =>
        simulate(new LeakTrack(DEFAULT_SETTINGS), { ...heap, collections }, new SeededRandom(seed)).calledAt !==
        undefined,
    )
    t.same(called, [], name)
  }
})

await t.test('leaks are called, with their slope inside of its interval', async t => {
  for (const { name, heap } of LEAK_CASES) {
    if (heap.collections > 1000) continue
    for (const seed of SEEDS) {
      const { atCall, calledAt } = simulate(new LeakTrack(DEFAULT_SETTINGS), heap, new SeededRandom(seed))
      t.type(calledAt, 'number', `${name}, seed ${seed}`)
      const [lower, upper] = atCall?.slopeIntervalMibPerMinute ?? [0, 0]
      t.ok(lower > 0 && lower <= (atCall?.slopeMibPerMinute ?? 0) && (atCall?.slopeMibPerMinute ?? 0) <= upper)
      t.ok((atCall?.confidence ?? 0) > 0.999)
    }
  }
})

/** One collection a minute. */
function feed(track: LeakTrack, count: number, bytesAt: (index: number) => number, accountedBytes = 0): void {
  for (let index = 0; index < count; index++) {
    track.add({
      atMs: index * 60_000,
      bytes: bytesAt(index),
      accountedBytes,
      load: Number.NaN,
      limitBytes: 1000 * MIB,
    })
  }
}

await t.test('slope, live memory and time to the limit have their units right', async t => {
  const track = new LeakTrack(DEFAULT_SETTINGS)
  // 100 MiB and 4 MiB a minute; a cache holds 100 MiB besides.
  feed(track, 66, index => (200 + 4 * index) * MIB, 100 * MIB)
  const verdict = track.verdict()
  t.equal(verdict.kind, 'leak')
  t.ok(Math.abs(verdict.slopeMibPerMinute - 4) < 0.001)
  // The last collection stays open until the next.
  t.ok(Math.abs(verdict.liveBytes / MIB - (100 + 4 * 64)) < 0.001)
  t.ok(Math.abs(verdict.timeToLimitMs / 60_000 - (900 - 356) / 4) < 0.01)
  t.equal(verdict.windowMs, 63 * 60_000)
  t.equal(verdict.collections, 66)
})

await t.test('nothing is said before there are enough collections over enough time', async t => {
  const few = new LeakTrack(DEFAULT_SETTINGS)
  feed(few, 24, index => index * MIB)
  t.match(few.verdict(), { kind: 'gathering', collections: 24, confidence: 0 })
  const short = new LeakTrack({ ...DEFAULT_SETTINGS, minWindowMinutes: 120 })
  feed(short, 100, index => (100 + index) * MIB)
  t.equal(short.verdict().kind, 'gathering')
})

await t.test('a leak that has ended is steady again', async t => {
  const track = new LeakTrack(DEFAULT_SETTINGS)
  feed(track, 1400, index => (100 + 3 * Math.min(index, 100)) * MIB)
  t.equal(track.verdict().kind, 'steady')
})

await t.test('growth that would need longer than the horizon is no leak', async t => {
  const track = new LeakTrack({ ...DEFAULT_SETTINGS, minGrowthShare: 0, horizonMinutes: 1000 })
  feed(track, 100, index => (100 + 0.5 * index) * MIB)
  t.equal(track.verdict().kind, 'warming-up')
})
