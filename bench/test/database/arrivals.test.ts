// Arrivals from another process: as many as were planned, at the times that were drawn, none before it's due.
import t from 'tap'
import { startArrivals } from '../../src/database/arrivals.ts'

const plan = { perSecond: 1000, forMs: 200, core: null }

async function arrivalsOf(seed: number): Promise<{ dueAtMs: number; atMs: number }[]> {
  const seen: { dueAtMs: number; atMs: number }[] = []
  const arrivals = await startArrivals({ ...plan, seed }, dueAtMs => seen.push({ dueAtMs, atMs: performance.now() }))
  await arrivals.ended
  return seen
}

await t.test('none comes before it is due, and the same seed gives the same times', async t => {
  const first = await arrivalsOf(1)
  // 200 are expected; six standard deviations.
  t.ok(Math.abs(first.length - 200) < 85, `${first.length} arrivals`)
  // The clocks of two processes are read one after the other.
  t.ok(first.every(({ dueAtMs, atMs }) => atMs > dueAtMs - 0.1))
  const gaps = (seen: typeof first) => {
    const dueMs = seen.map(({ dueAtMs }) => dueAtMs).toSorted((a, b) => a - b)
    return dueMs.map(ms => Math.round((ms - (dueMs[0] ?? 0)) * 100))
  }
  t.same(gaps(await arrivalsOf(1)), gaps(first))
})

await t.test('a generator that is stopped rejects', async t => {
  const arrivals = await startArrivals({ ...plan, forMs: 60_000, seed: 1 }, () => arrivals.stop())
  await t.rejects(arrivals.ended, /SIGTERM/)
})
