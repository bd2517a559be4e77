import t from 'tap'
import type { Collection } from '../../src/gc/gc-feed.ts'
import { CollectionWindow } from '../../src/monitor/collection-window.ts'

function collection(kind: Collection['kind'], pauseMs: number, heapUsedBytes = 0, atMs = 0): Collection {
  return { kind, pauseMs, heapUsedBytes, atMs, oldSpaceBytes: 0, externalBytes: 0, externalFloorBytes: 0 }
}

await t.test('the live heap is that of the last major collection; what others leave is not live', async t => {
  const window = new CollectionWindow()
  t.same([window.liveHeapBytes, window.liveAtMs], [Number.NaN, Number.NEGATIVE_INFINITY])
  window.take([collection('major', 1, 50, 7), collection('major', 1, 40, 8), collection('minor', 1, 90, 9)])
  t.same([window.liveHeapBytes, window.liveAtMs], [40, 8])
  t.match(window.close(1000, 1000), { majors: 2, longestPauseMs: 1 })
  t.match(window.close(2000, 1000), { majors: 0, longestPauseMs: 0 })
})

await t.test('its share of time is that of ten seconds, whatever the pace of the samples', async t => {
  for (const paceMs of [20, 1000, 5000]) {
    const window = new CollectionWindow()
    let closed = window.close(1_000_000, 0)
    for (let atMs = 1_000_000 + paceMs; atMs <= 1_020_000; atMs += paceMs) {
      window.take([collection('minor', paceMs / 5)])
      closed = window.close(atMs, paceMs)
    }
    t.ok(Math.abs(closed.ratio - 0.2) < 0.03, `every ${paceMs} ms: ${closed.ratio}`)
    t.ok(Math.abs(closed.nowRatio - 0.2) < 1e-9)
    t.equal(window.close(1_031_000, 11_000).ratio, 0, 'what is older is forgotten')
  }
})

await t.test('soon after the start a long pause is not taken for a habit', async t => {
  const window = new CollectionWindow()
  window.close(0, 0)
  window.take([collection('major', 400)])
  t.match(window.close(1000, 1000), { ratio: 0.04, nowRatio: 0.4 })
})

await t.test('pauses of a sample that took longer than the window count by their share of it', async t => {
  const window = new CollectionWindow()
  window.close(0, 0)
  window.take([collection('major', 6000)])
  t.match(window.close(60_000, 60_000), { ratio: 0.1, nowRatio: 0.1 })
})

await t.test('no time has no share', async t => {
  const window = new CollectionWindow()
  window.take([collection('major', 5)])
  t.match(window.close(1000, 0), { ratio: 0, nowRatio: 0 })
})
