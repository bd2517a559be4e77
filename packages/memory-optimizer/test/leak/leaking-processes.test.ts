// Real children under a 64 MiB heap: leaks are found, caches and bursts are left alone, by the same thresholds. All ways of leaking, with several seeds, are in
// test/long.
import t from 'tap'
import { LEAKS } from '../programs/scenarios.ts'
import { THRESHOLDS } from '../programs/thresholds.ts'
import { watchChild } from '../programs/watch-child.ts'

/** The clock of a child makes 18 minutes of them. */
const ROUNDS = 110

// A busy machine makes five seconds half a minute.
t.setTimeout(120_000)

await t.test('a process that leaks is found in time, and what leaks is named', async t => {
  t.setTimeout(60_000)
  for (const name of ['leak: closures retained', 'leak: detached buffers']) {
    const { leak } = await watchChild(t, name, 1, ROUNDS)
    const memory = LEAKS[name]
    t.match(leak, { memory, advice: 'recycle' }, name)
    const limitMib = memory === 'heap' ? THRESHOLDS.heapLimitMib : THRESHOLDS.externalLimitMib
    t.ok(
      (leak?.liveBytes ?? Number.POSITIVE_INFINITY) < THRESHOLDS.maxUsedShareWhenTold * limitMib * 1_048_576,
      `${name}: in time`,
    )
  }
})

await t.test('a process whose cache fills, or that has bursts, is not taken for one that leaks', async t => {
  t.setTimeout(60_000)
  for (const name of ['no leak: cache that fills and stays, unregistered', 'no leak: bursts of large requests']) {
    const { leak, last } = await watchChild(t, name, 1, ROUNDS)
    t.equal(leak, undefined, name)
    t.not(last.kind, 'gathering', `${name}: was watched for long enough`)
  }
})
