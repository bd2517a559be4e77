import fc from 'fast-check'
import t from 'tap'
import { RestartPolicy } from '../src/restart-policy.ts'

const backoff = { initialMs: 100, factor: 2, maxMs: 10_000, resetAfterMs: 60_000 }
const loop = { crashes: 5, withinMs: 60_000 }

await t.test('waits grow by the factor up to the longest, between half and whole', t => {
  const longest = new RestartPolicy(backoff, { crashes: 100, withinMs: 1 }, { next: () => 1 })
  const shortest = new RestartPolicy(backoff, { crashes: 100, withinMs: 1 }, { next: () => 0 })
  const crashTimesMs = Array.from({ length: 9 }, (_, index) => index * 1000)
  const expectedMs = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
  t.same(
    crashTimesMs.map(atMs => longest.crashed(atMs).delayMs),
    expectedMs,
  )
  t.same(
    crashTimesMs.map(atMs => shortest.crashed(atMs).delayMs),
    expectedMs.map(ms => ms / 2),
  )
  t.end()
})

await t.test('crashes that are spread over more than the window are no loop', t => {
  const policy = new RestartPolicy(backoff, loop, { next: () => 0 })
  for (let atMs = 0; atMs <= 600_000; atMs += 15_001) t.notOk(policy.crashed(atMs).loopBegins)
  t.notOk(policy.inCrashLoop)
  t.equal(policy.recentCrashes, 4)
  t.end()
})

await t.test('the verdict falls once, and a stable run takes everything back', t => {
  const policy = new RestartPolicy(backoff, loop, { next: () => 1 })
  const verdicts = [0, 1, 2, 3, 4, 5].map(atMs => policy.crashed(atMs))
  t.same(
    verdicts.map(({ loopBegins }) => loopBegins),
    [false, false, false, false, true, false],
  )
  t.same(
    verdicts.slice(4).map(({ delayMs }) => delayMs),
    [10_000, 10_000],
  )
  t.equal(policy.stable(), true)
  t.equal(policy.stable(), false, 'there was no loop to end')
  t.match(policy.crashed(6), { delayMs: 100, crashes: 1, loopBegins: false })
  t.end()
})

await t.test(
  'for any crashes: waits stay in range, and the loop is on exactly when enough crashes lay in a window since the last stable run',
  t => {
    const event = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ kind: fc.constant('crash' as const), afterMs: fc.integer({ min: 0, max: 30_000 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('stable' as const), afterMs: fc.constant(0) }) },
    )
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 60 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (events, chance) => {
          const policy = new RestartPolicy(backoff, loop, { next: () => chance })
          let nowMs = 0
          let crashesMs: number[] = []
          let isLoop = false
          for (const { kind, afterMs } of events) {
            nowMs += afterMs
            if (kind === 'stable') {
              if (policy.stable() !== isLoop) return false
              crashesMs = []
              isLoop = false
              continue
            }
            crashesMs.push(nowMs)
            const inWindow = crashesMs.filter(atMs => nowMs - atMs < loop.withinMs).length
            const begins: boolean = !isLoop && inWindow >= loop.crashes
            isLoop ||= begins
            const verdict = policy.crashed(nowMs)
            const atLeastMs = isLoop ? backoff.maxMs / 2 : backoff.initialMs / 2
            if (verdict.crashes !== inWindow || verdict.loopBegins !== begins || policy.inCrashLoop !== isLoop)
              return false
            if (verdict.delayMs < atLeastMs || verdict.delayMs > backoff.maxMs) return false
          }
          return true
        },
      ),
      { numRuns: 300 },
    )
    t.pass('300 histories')
    t.end()
  },
)
