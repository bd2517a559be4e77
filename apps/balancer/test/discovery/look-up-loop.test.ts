import { FakeClock, leakCheck, seededRandom } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { resolvedEndpoint } from '../../src/discovery/endpoint-list.ts'
import { LookUpLoop, type LookUp, type LookUpOutcome } from '../../src/discovery/look-up-loop.ts'
import type { NameResolver } from '../../src/discovery/name-resolver.ts'

leakCheck(t)

const OPTIONS = { timeoutMs: 2000, minRetryMs: 1000, maxRetryMs: 60_000 }
const found = (refreshMs: number, ...addresses: string[]): LookUpOutcome => ({
  endpoints: addresses.map(address => resolvedEndpoint(address, 80, 'api.test:80', 1)),
  refreshMs,
  fault: null,
})
const fault = (text: string): LookUpOutcome => ({ endpoints: null, refreshMs: Infinity, fault: text })

class Setting {
  readonly clock = new FakeClock()
  readonly lists: string[][] = []
  readonly faults: string[] = []
  readonly beganAtMs: number[] = []
  cancelled = 0
  running = 0
  mostRunning = 0
  /** What the next look-ups give, the last one for ever. */
  script: (LookUpOutcome | 'hang' | 'reject')[] = []
  readonly loop: LookUpLoop

  constructor(t: Test, random = { next: () => 0.5 }) {
    const unasked = () => Promise.reject(new Error('nobody asks it'))
    const createResolver = (): NameResolver => ({
      resolve4: unasked,
      resolve6: unasked,
      resolveSrv: unasked,
      cancel: () => void this.cancelled++,
    })
    const lookUp: LookUp = async (_, signal) => {
      this.beganAtMs.push(this.clock.now())
      this.mostRunning = Math.max(this.mostRunning, ++this.running)
      const next = this.script.length > 1 ? this.script.shift() : this.script[0]
      if (next === 'hang') await new Promise(resolve => signal.addEventListener('abort', resolve))
      this.running--
      if (next === 'reject') throw new Error('rejected')
      return next === undefined || next === 'hang' ? fault('too slow') : next
    }
    this.loop = new LookUpLoop(
      OPTIONS,
      { createResolver, timers: this.clock, random },
      {
        onList: list => void this.lists.push(list.map(({ id }) => id)),
        onFault: message => void this.faults.push(message),
      },
      lookUp,
    )
    t.teardown(() => this.loop.stop())
  }
}

await t.test('it looks again when the answer has lost its hold, and tells only what has changed', async t => {
  const { clock, lists, loop, script, beganAtMs } = new Setting(t)
  script.push(found(5000, '10.0.0.1'), found(3000, '10.0.0.1'), found(7000, '10.0.0.1', '10.0.0.2'))
  await loop.start()
  t.same(lists, [['http://10.0.0.1:80']])
  await clock.advanceAsync(4999)
  t.same(beganAtMs, [0])
  await clock.advanceAsync(3001)
  t.same(beganAtMs, [0, 5000, 8000])
  t.same(lists, [['http://10.0.0.1:80'], ['http://10.0.0.1:80', 'http://10.0.0.2:80']])
  await clock.advanceAsync(7000)
  t.same(beganAtMs.at(-1), 15_000)
  t.equal(lists.length, 2)
})

await t.test('a fault changes nothing, is told once until it changes, and is retried later and later', async t => {
  const { clock, lists, faults, loop, script, beganAtMs } = new Setting(t)
  script.push(found(5000, '10.0.0.1'), fault('one'), fault('one'), 'reject', fault('two'), fault('one'))
  await loop.start()
  await clock.advanceAsync(300_000)
  t.equal(lists.length, 1)
  t.same(faults, ['one', 'rejected', 'two', 'one'])
  const waits = beganAtMs.map((at, index) => at - (beganAtMs[index - 1] ?? 0))
  t.same(waits.slice(0, 11), [0, 5000, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
})

await t.test('waits after a fault differ by ± 10 %, and begin anew after a good answer', async t => {
  const setting = new Setting(t, seededRandom(t))
  const { clock, loop, script, beganAtMs, faults } = setting
  script.push(fault('x'), fault('x'), fault('x'), found(10, '10.0.0.1'), fault('x'))
  await loop.start()
  await clock.advanceAsync(10_000)
  const waits = beganAtMs.map((at, index) => at - (beganAtMs[index - 1] ?? 0))
  for (const [index, base] of [
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [5, 1000],
  ] as const) {
    const wait = waits[index] ?? 0
    t.ok(wait >= base * 0.9 - 1 && wait <= base * 1.1, `wait ${index} is ${wait} ms`)
  }
  t.equal(waits[4], 10)
  t.same(faults, ['x', 'x'], 'a fault that comes back is told again')
})

await t.test('what was learnt in part is told, and asked again no later than it holds', async t => {
  const { clock, lists, faults, loop, script, beganAtMs } = new Setting(t)
  script.push({ ...found(1500, '10.0.0.1'), fault: 'half of it failed' })
  await loop.start()
  t.same(lists, [['http://10.0.0.1:80']])
  await clock.advanceAsync(10_000)
  t.same(beganAtMs.slice(0, 5), [0, 1000, 2500, 4000, 5500])
  t.same(faults, ['half of it failed'])
})

await t.test('start ends in time when nobody answers, one look-up at a time', async t => {
  const setting = new Setting(t)
  const { clock, loop, script, faults } = setting
  script.push('hang')
  let started = false
  void loop.start().then(() => (started = true))
  await clock.advanceAsync(1999)
  t.notOk(started)
  await clock.advanceAsync(1)
  t.ok(started)
  t.same(faults, ['too slow'])
  t.equal(setting.cancelled, 1)
  await clock.advanceAsync(60_000)
  t.equal(setting.mostRunning, 1)
})

await t.test('after stop nothing runs and nothing is told, in a wait and in a look-up', async t => {
  for (const script of [[found(1000, '10.0.0.1')], ['hang' as const]]) {
    const setting = new Setting(t)
    const { clock, loop, lists, faults } = setting
    setting.script.push(...script)
    const started = loop.start()
    await clock.advanceAsync(10)
    const before = lists.length
    loop.stop()
    await started
    await clock.advanceAsync(60_000)
    t.equal(setting.beganAtMs.length, 1)
    t.equal(setting.running, 0)
    t.equal(clock.pending, 0)
    t.equal(lists.length, before)
    t.same(faults, [])
  }
})
