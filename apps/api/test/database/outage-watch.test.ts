// Scripted: a probe and a pool that answer when the test says so, and a clock that stands still.
import t from 'tap'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createLogger } from '@plimsoll/telemetry'
import { FakeClock, type FakeTimer } from '@plimsoll/testing'
import { OutageWatch, type CallEnd } from '../../src/database/outage-watch.ts'

const AWAY = { code: 'API_ERR_DATABASE_UNAVAILABLE', status: 503, retryAfterS: 1 }

function fixture() {
  const clock = new FakeClock({ startMs: 1000 })
  const logged: { level: string; msg: string; reason?: string }[] = []
  const logger = createLogger({
    level: 'info',
    name: 'test',
    destination: { write: (line: string) => void logged.push(JSON.parse(line) as (typeof logged)[number]) },
  })
  let onLook: (isAnswered: boolean) => void = () => undefined
  let asked = 0
  const watch = new OutageWatch({
    probe: {
      soon: () => (asked++, Promise.resolve(true)),
      onLook: callback => (onLook = callback),
    },
    clock: {
      now: () => clock.now(),
      setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
      clearTimeout: timer => clock.clearTimeout(timer as FakeTimer),
    },
    logger,
  })
  /** Of the pool; each ends when it's told to, or when it's given up. */
  const questions: ((end: CallEnd) => void)[] = []
  watch.askBy(signal => {
    const { promise, resolve } = Promise.withResolvers<CallEnd>()
    questions.push(resolve)
    signal.addEventListener('abort', () => resolve('other'), { once: true })
    return promise
  })
  const look = (isAnswered: boolean) => onLook(isAnswered)
  const poolEnds = async (end: CallEnd) => {
    questions.at(-1)?.(end)
    await nextTurn()
  }
  return { clock, watch, look, poolEnds, asked: () => asked, poolAsked: () => questions.length, logged }
}

await t.test(
  'a call that found no connection is the end: the others are refused until a probe is answered',
  async t => {
    const { watch, look, asked, logged } = fixture()
    watch.begin(undefined, true).end('unreachable')
    t.equal(watch.isAway, true)
    t.equal(asked(), 1, 'at once')
    t.throws(() => watch.begin(undefined, true), AWAY)
    t.throws(() => watch.begin(undefined, false), AWAY)
    look(false)
    t.throws(() => watch.begin(undefined, true), AWAY)
    look(true)
    watch.begin(undefined, true).end('answered')
    t.equal(watch.refused, 3)
    t.match(logged, [
      { level: 'error', reason: 'no connection could be opened' },
      { level: 'info', msg: 'The database is back' },
    ])
  },
)

await t.test(
  'silence has the probe asked after 0.3 s, and when that is silent for 0.5 s too, reads are given up',
  async t => {
    const { clock, watch, asked } = fixture()
    const read = watch.begin(undefined, true)
    const write = watch.begin(undefined, false)
    clock.advance(299)
    t.equal(asked(), 0)
    clock.advance(1)
    t.equal(asked(), 1)
    clock.advance(499)
    t.same([watch.isAway, read.signal.aborted], [false, false])
    clock.advance(1)
    t.equal(watch.isAway, true)
    t.match(read.signal.reason, AWAY)
    t.equal(write.signal.aborted, false, 'what has become of a write is not known')
    read.end('other')
    write.end('other')
  },
)

await t.test('any answer ends the silence: of another call, of the server as an error, of the probe', async t => {
  const { clock, watch, look, asked } = fixture()
  const slow = watch.begin(undefined, true)
  for (let round = 0; round < 10; round++) {
    clock.advance(200)
    watch.begin(undefined, true).end('answered')
  }
  t.equal(asked(), 0, 'a slow statement among others is not even a suspicion')
  for (let round = 1; round <= 10; round++) {
    clock.advance(300)
    t.equal(asked(), round)
    look(true)
  }
  t.equal(watch.isAway, false, 'and by itself it is one that the probe takes away')
  t.equal(slow.signal.aborted, false)
  slow.end('answered')
})

await t.test('with nobody waiting no time passes, and no timer is left', async t => {
  const { clock, watch, asked } = fixture()
  for (let round = 0; round < 20; round++) {
    watch.begin(undefined, true).end('other')
    clock.advance(150)
  }
  t.same([asked(), watch.isAway, clock.pending], [0, false, 0])
})

await t.test(
  'a request that waits for another worker’s load counts as waiting, but nothing of it is given up',
  async t => {
    const { clock, watch, look, asked } = fixture()
    watch.began()
    clock.advance(300)
    t.equal(asked(), 1)
    look(true)
    clock.advance(800)
    t.equal(watch.isAway, true, 'so that its own call is refused when its turn comes')
    look(true)
    watch.ended()
    clock.advance(1000)
    t.same([watch.isAway, clock.pending], [false, 0])
  },
)

await t.test('a pause of this process is one tick, however long', async t => {
  const { clock, watch, asked } = fixture()
  const read = watch.begin(undefined, true)
  // What a process finds that was stopped for a minute: one timer that's overdue, and the answer behind it.
  const [overdue] = [clock.pending]
  t.equal(overdue, 1)
  clock.runNext()
  await nextTurn()
  read.end('answered')
  t.same([asked(), watch.isAway], [0, false])
})

await t.test('a probe that fails is a suspicion: the pool is asked, and what it gets is believed', async t => {
  const { clock, watch, look, poolEnds, poolAsked } = fixture()
  for (let round = 1; round <= 3; round++) {
    look(false)
    look(false)
    t.equal(poolAsked(), round, 'one question at a time')
    clock.advance(499)
    await poolEnds('answered')
    clock.advance(1000)
    t.same(
      [watch.isAway, clock.pending],
      [false, 0],
      'the probe alone may be without a connection for as long as it likes',
    )
  }
  look(false)
  await poolEnds('other')
  t.equal(watch.isAway, false, 'full is not away')
  look(false)
  await poolEnds('unreachable')
  t.equal(watch.isAway, true, 'so that the first who comes needn’t find out')
})

await t.test(
  'a pool that is silent for 0.5 s after a failed probe is an outage, unless somebody else is answered',
  async t => {
    const { clock, watch, look, poolAsked } = fixture()
    look(false)
    clock.advance(250)
    watch.begin(undefined, true).end('answered')
    clock.advance(250)
    await nextTurn()
    t.equal(watch.isAway, false)
    look(false)
    t.equal(poolAsked(), 2)
    clock.advance(499)
    await nextTurn()
    t.equal(watch.isAway, false)
    clock.advance(1)
    await nextTurn()
    t.equal(watch.isAway, true)
  },
)

await t.test('an outage is over when the pool is answered, whatever the probe says', async t => {
  const { clock, watch, look, poolEnds, poolAsked } = fixture()
  watch.begin(undefined, true).end('unreachable')
  look(false)
  await poolEnds('unreachable')
  look(false)
  clock.advance(500)
  await nextTurn()
  t.equal(watch.isAway, true)
  look(false)
  await poolEnds('answered')
  t.equal(watch.isAway, false)
  watch.begin(undefined, true).end('answered')
  t.equal(poolAsked(), 3, 'once for each look')
})

await t.test('a slow statement is told from silence by the pool, where the probe can’t', async t => {
  const { clock, watch, asked, poolEnds, poolAsked } = fixture()
  const slow = watch.begin(undefined, true)
  for (let round = 1; round <= 5; round++) {
    clock.advance(300)
    t.same([asked(), poolAsked()], [round, round])
    await poolEnds('answered')
  }
  t.same([watch.isAway, slow.signal.aborted], [false, false])
  slow.end('answered')
  watch.close()
  t.equal(clock.pending, 0)
})

await t.test('whoever waits leaves by their own signal, and no listener stays', async t => {
  const { watch } = fixture()
  const leaving = new AbortController()
  const reason = new Error('left')
  const call = watch.begin(leaving.signal, true)
  leaving.abort(reason)
  t.equal(call.signal.reason, reason)
  call.end('other')
  const staying = new AbortController()
  const other = watch.begin(staying.signal, true)
  other.end('answered')
  staying.abort(reason)
  t.equal(other.signal.aborted, false)
})
