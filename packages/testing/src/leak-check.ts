// Fails a test that leaves something running: sockets, servers, timers, child processes, whatever would keep the process alive.
//
// It compares what Node holds (process.getActiveResourcesInfo) before each subtest and after its teardown. Closing takes a few turns of the event loop, so it
// looks again until nothing is left or the time is up. What is unref'd isn't listed by Node and isn't seen; tests that run at the same time in one process
// can't be told apart, so don't use it with `t.jobs`.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { TestingError } from './errors.ts'
import type { TestScope, TestScopeWithSubtests } from './test-scope.ts'

export interface LeakCheckOptions {
  /** How long things may take to close after the test, in milliseconds. Default 1000. */
  readonly settleMs?: number
  /** Kinds to leave out, by Node's names: `['PipeWrap']`. */
  readonly ignore?: readonly string[]
}

/** Pause between two looks, in milliseconds. */
const POLL_INTERVAL_MS = 5

type Counts = ReadonlyMap<string, number>

/** Watches every subtest of `t`. A subtest that leaves something fails with TESTING_ERR_LEAK, which counts what, by Node's names. */
export function leakCheck(t: TestScopeWithSubtests, options: LeakCheckOptions = {}): void {
  const { settleMs = 1000, ignore = [] } = options
  const before = new WeakMap<TestScope, Counts>()
  t.beforeEach(async t => {
    before.set(t, await count(ignore))
  })
  t.afterEach(async t => {
    const left = await settle(before.get(t) ?? new Map(), ignore, settleMs)
    if (left === '') return
    throw new TestingError('TESTING_ERR_LEAK', `"${t.name}" left ${left} behind: close or clear it in t.teardown.`)
  })
}

async function settle(before: Counts, ignore: readonly string[], settleMs: number): Promise<string> {
  const deadlineMs = performance.now() + settleMs
  for (;;) {
    const left = difference(before, await count(ignore))
    if (left === '' || performance.now() > deadlineMs) return left
    await sleep(POLL_INTERVAL_MS)
  }
}

async function count(ignore: readonly string[]): Promise<Counts> {
  // A timer counts until its callback is done, and we may be called from one. An immediate does as well, so ours is left out below.
  await nextTurn()
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Immediate' && !ignore.includes(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

function difference(before: Counts, after: Counts): string {
  const more: string[] = []
  for (const [kind, number] of after) {
    const extra = number - (before.get(kind) ?? 0)
    if (extra > 0) more.push(`${extra} ${kind}`)
  }
  return more.join(', ')
}
