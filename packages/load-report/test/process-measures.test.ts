// What a real process says of itself. Nothing here depends on how fast the machine is: a loop that never waits is busy all of its time.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '@plimsoll/testing'
import { createLoadReporter, decodeLoadReport } from '../src/index.ts'

function spin(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

await t.test('a process that only works is used to the full; one that waits is not', async t => {
  // The loop has to have begun: before that Node counts nothing.
  await nextTurn()
  const reporter = createLoadReporter({ rebuildAfterMs: 10 })
  t.teardown(() => reporter.close())
  spin(30)
  t.equal(reporter.latest().utilization, 1)
  const waiting = createLoadReporter({ rebuildAfterMs: 10 })
  t.teardown(() => waiting.close())
  // A timer that's due when its process gets a core again is no wait: as often as it takes.
  const waited = async (): Promise<boolean> => {
    await sleep(30)
    return waiting.latest().utilization < 1
  }
  await until(waited, { what: 'a wait that counts as one' })
})

await t.test('heap and memory are shares of their limits', async t => {
  const reporter = createLoadReporter()
  t.teardown(() => reporter.close())
  const { heapUtilization, memoryUtilization } = reporter.latest()
  t.ok(heapUtilization > 0 && heapUtilization < 1)
  t.ok(memoryUtilization > 0 && memoryUtilization < 1)
})

await t.test('collections are counted', async t => {
  const reporter = createLoadReporter({ rebuildAfterMs: 10 })
  t.teardown(() => reporter.close())
  const garbage = async (): Promise<boolean> => {
    const kept = Array.from({ length: 200_000 }, (_, i) => ({ i }))
    await nextTurn()
    return kept.length > 0 && reporter.latest().gcRatio > 0
  }
  await until(garbage, { what: 'a collection', timeoutMs: 10_000 })
})

await t.test('a stall shows as the delay of the event loop', async t => {
  const reporter = createLoadReporter({ rebuildAfterMs: 10 })
  t.teardown(() => reporter.close())
  const stalled = async (): Promise<boolean> => {
    spin(60)
    await sleep(5)
    return reporter.latest().loopDelayP99Ms > 30
  }
  await until(stalled, { what: 'the delay', timeoutMs: 10_000 })
})

await t.test('what the process says of itself can be read back', async t => {
  const reporter = createLoadReporter()
  t.teardown(() => reporter.close())
  reporter.requestEnded(false)
  const bytes = Buffer.from(reporter.header())
  const report = decodeLoadReport(bytes, 0, bytes.length)
  t.equal(report?.sequence, 1)
  t.ok(Math.abs((report?.heapUtilization ?? 0) - reporter.latest().heapUtilization) < 0.0001)
})
