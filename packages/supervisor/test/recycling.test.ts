// When a request to be recycled is taken, with a scripted fleet and a clock that stands still.
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ReplaceFailedError } from '../src/errors.ts'
import { Recycling, type RecyclingOptions } from '../src/recycling.ts'
import { FakeClock } from './fixture/fake-clock.ts'
import { MemoryLog } from './fixture/fleet.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

class ScriptedOwner {
  /** What was begun, as `replace 3`. */
  readonly begun: string[] = []
  readonly results: string[] = []
  /** Workers that may not be replaced now. */
  readonly held = new Set<number>()
  outcome: (worker: number) => Promise<void> = () => Promise.resolve()

  mayReplace(worker: number): boolean {
    return !this.held.has(worker)
  }

  replace(worker: number): Promise<void> {
    this.begun.push(`replace ${worker}`)
    return this.outcome(worker)
  }

  drainThenStart(worker: number): Promise<void> {
    this.begun.push(`drain ${worker}`)
    return Promise.resolve()
  }

  recycled(reason: string, result: string): void {
    this.results.push(`${reason} ${result}`)
  }
}

const notReady = (): Promise<never> =>
  Promise.reject(new ReplaceFailedError(0, 2, 'start', 'exit code 134', true, 'no memory'))
const notOnProbation = (): Promise<never> =>
  Promise.reject(new ReplaceFailedError(0, 2, 'probation', 'it says that it is not ready', true, ''))

function setUp(t: Test, options: Partial<RecyclingOptions> = {}, random = 0) {
  const clock = new FakeClock()
  const owner = new ScriptedOwner()
  const log = new MemoryLog()
  const recycling = new Recycling(
    { maxPerHour: 6, minIntervalMs: 30_000, maxAgeMs: 0, whenStartFails: 'keep', ...options },
    owner,
    clock,
    { next: () => random },
    log,
  )
  t.teardown(() => recycling.close())
  return { clock, owner, log, recycling }
}

await t.test('a request is carried out at once, and the next one after the interval', async t => {
  const { clock, owner, recycling } = setUp(t)
  recycling.request(0, 1, 'leak', 'x')
  recycling.request(1, 1, 'fragmentation', 'y')
  recycling.request(1, 1, 'leak', 'again')
  await clock.advanceAsync(29_999)
  t.same(owner.begun, ['replace 0'])
  t.same(recycling.requestOf(0, 1), null)
  t.match(recycling.requestOf(1, 1), { reason: 'fragmentation', detail: 'y', sinceMs: 1_000_000 })
  t.equal(recycling.deferred, 1)
  await clock.advanceAsync(1)
  t.same(owner.begun, ['replace 0', 'replace 1'])
  t.same(owner.results, ['leak replaced', 'fragmentation replaced'])
  t.equal(recycling.deferred, 0)
})

await t.test('an emergency overtakes, also one that was less before', async t => {
  const { clock, owner, recycling } = setUp(t)
  for (const worker of [0, 1, 2]) owner.held.add(worker)
  recycling.request(0, 1, 'leak', '')
  recycling.request(1, 1, 'leak', '')
  recycling.request(2, 1, 'emergency', '')
  owner.held.clear()
  recycling.consider()
  recycling.request(1, 1, 'emergency', 'now')
  await clock.advanceAsync(MINUTE_MS)
  t.same(owner.begun, ['replace 2', 'replace 1', 'replace 0'])
})

await t.test('reasons that nobody knows count as other, so the labels stay few', async t => {
  const { clock, owner, recycling } = setUp(t)
  recycling.request(0, 1, 'full moon', '')
  await clock.advanceAsync(0)
  t.same(owner.results, ['other replaced'])
})

await t.test('beyond the number an hour they are kept, said once, and taken when the hour is over', async t => {
  const { clock, owner, log, recycling } = setUp(t, { maxPerHour: 2, minIntervalMs: 1000 })
  for (const worker of [0, 1, 2, 3]) recycling.request(worker, 1, 'leak', '')
  await clock.advanceAsync(10 * MINUTE_MS)
  t.same(owner.begun, ['replace 0', 'replace 1'])
  t.equal(recycling.deferred, 2)
  recycling.consider()
  t.match(
    log.lines.filter(({ level }) => level === 'error'),
    [{ message: /than the 2 an hour that are allowed/ }],
    'one line',
  )
  recycling.request(3, 1, 'emergency', '')
  await clock.advanceAsync(0)
  t.same(owner.begun, ['replace 0', 'replace 1', 'replace 3'], 'an emergency is not held back')
  await clock.advanceAsync(HOUR_MS - 10 * MINUTE_MS - 1)
  t.equal(owner.begun.length, 3)
  await clock.advanceAsync(1)
  t.equal(owner.begun.length, 3, 'the first is an hour ago, but the emergency counts too')
  await clock.advanceAsync(1000)
  t.same(owner.begun.at(-1), 'replace 2')
  t.equal(recycling.deferred, 0)
})

await t.test('at 0 an hour there are emergencies only', async t => {
  const { clock, owner, recycling } = setUp(t, { maxPerHour: 0 })
  recycling.request(0, 1, 'leak', '')
  recycling.request(1, 1, 'emergency', '')
  await clock.advanceAsync(3 * HOUR_MS)
  t.same(owner.begun, ['replace 1'])
  t.equal(clock.pending, 0, 'nothing waits for a time that never comes')
})

await t.test(
  'what may not be replaced now is taken when the fleet has changed, and another may go before it',
  async t => {
    const { clock, owner, recycling } = setUp(t)
    owner.held.add(0)
    recycling.request(0, 1, 'leak', '')
    recycling.request(1, 1, 'leak', '')
    await clock.advanceAsync(MINUTE_MS)
    t.same(owner.begun, ['replace 1'])
    owner.held.clear()
    recycling.consider()
    t.same(owner.begun, ['replace 1', 'replace 0'])
  },
)

await t.test('a process that has ended, or was replaced for another reason, asks for nothing any more', async t => {
  const { clock, owner, recycling } = setUp(t)
  owner.held.add(0)
  recycling.request(0, 1, 'leak', '')
  recycling.left(0, 1)
  recycling.left(0, 1)
  owner.held.clear()
  await clock.advanceAsync(MINUTE_MS)
  t.same(owner.begun, [])
  t.same(owner.results, ['leak superseded'])
  t.equal(recycling.requestOf(0, 1), null)
})

await t.test(
  'one that fails is tried again, ever later; and not at all when its process has ended meanwhile',
  async t => {
    const { clock, owner, log, recycling } = setUp(t)
    owner.outcome = () => Promise.reject(new Error('no memory'))
    recycling.request(0, 1, 'leak', '')
    const triesAtMs: number[] = []
    const startMs = clock.now()
    for (let seconds = 0; seconds < 250; seconds++) {
      if (owner.begun.length > triesAtMs.length) triesAtMs.push(clock.now() - startMs)
      await clock.advanceAsync(1000)
    }
    t.same(triesAtMs, [0, 30_000, 90_000, 210_000])
    t.match(log.lines.filter(({ level }) => level === 'error')[1], { fields: { error: 'no memory', retryMs: 60_000 } })

    const late = Promise.withResolvers<void>()
    owner.outcome = () => late.promise
    await clock.advanceAsync(HOUR_MS)
    const before = owner.begun.length
    recycling.left(0, 1)
    late.reject(new Error('too late'))
    await clock.advanceAsync(HOUR_MS)
    t.equal(owner.begun.length, before)
  },
)

await t.test('while one generation is being replaced the next may ask too, and end: nothing of it is left', async t => {
  const { clock, owner, recycling } = setUp(t)
  const replacement = Promise.withResolvers<void>()
  owner.outcome = () => replacement.promise
  recycling.request(0, 1, 'leak', '')
  recycling.request(0, 2, 'emergency', 'on probation')
  t.match(recycling.requestOf(0, 1), { reason: 'leak' })
  t.match(recycling.requestOf(0, 2), { reason: 'emergency' })
  recycling.left(0, 1)
  recycling.left(0, 2)
  replacement.resolve()
  await clock.advanceAsync(HOUR_MS)
  t.same(owner.begun, ['replace 0'], 'generation 3 never asked')
  t.equal(recycling.deferred, 0)
  t.same(owner.results, ['emergency superseded', 'leak replaced'])
})

await t.test('the request of one that serves on outlives a next generation that asked and failed', async t => {
  const { clock, owner, recycling } = setUp(t)
  owner.held.add(0)
  recycling.request(0, 1, 'leak', '')
  recycling.request(0, 2, 'leak', 'on probation')
  recycling.left(0, 2)
  t.match(recycling.requestOf(0, 1), { reason: 'leak' })
  owner.held.clear()
  recycling.consider()
  await clock.advanceAsync(0)
  t.same(owner.begun, ['replace 0'])
})

await t.test(
  'without an interval an emergency that fails at once is tried again after a second, then ever later',
  async t => {
    const { clock, owner, log, recycling } = setUp(t, { minIntervalMs: 0 })
    // Without a pause the loop would never come to an end: the hundredth try stops it.
    owner.outcome = () => (owner.begun.length < 100 ? notReady() : new Promise(() => {}))
    recycling.request(0, 1, 'emergency', '')
    const triesAtS: number[] = []
    for (let second = 0; second <= 8; second++) {
      await clock.advanceAsync(second === 0 ? 0 : SECOND_MS)
      while (triesAtS.length < owner.begun.length) triesAtS.push(second)
    }
    t.same(triesAtS, [0, 1, 3, 7])
    t.match(log.lines.find(({ level }) => level === 'error')?.fields, { retryMs: SECOND_MS })
  },
)

await t.test('the log names the pace where it is slower than the longest wait after a failure', async t => {
  const { clock, owner, log, recycling } = setUp(t, { minIntervalMs: HOUR_MS })
  owner.outcome = notReady
  recycling.request(0, 1, 'emergency', '')
  await clock.advanceAsync(HOUR_MS - 1)
  t.match(
    log.lines.filter(({ level }) => level === 'error'),
    [{ fields: { retryMs: HOUR_MS }, message: /in 3600 s at the earliest/ }],
  )
  t.equal(owner.begun.length, 1)
  await clock.advanceAsync(1)
  t.equal(owner.begun.length, 2, 'and it was the truth')
})

await t.test('an emergency whose replacement failed twice to start drains first, where that is allowed', async t => {
  for (const [whenStartFails, third] of [
    ['keep', 'replace 0'],
    ['drain-first', 'drain 0'],
  ] as const) {
    const { clock, owner, recycling } = setUp(t, { whenStartFails })
    owner.outcome = notReady
    recycling.request(0, 1, 'emergency', '')
    await clock.advanceAsync(90_000)
    t.same(owner.begun, ['replace 0', 'replace 0', third])
    const last = whenStartFails === 'keep' ? 'emergency failed' : 'emergency drained-first'
    t.same(owner.results, ['emergency failed', 'emergency failed', last])
  }
})

await t.test('what failed on probation, or before the emergency, is no reason to drain first', async t => {
  const { clock, owner, recycling } = setUp(t, { whenStartFails: 'drain-first', minIntervalMs: SECOND_MS })
  owner.outcome = notReady
  recycling.request(0, 1, 'leak', '')
  await clock.advanceAsync(SECOND_MS)
  t.equal(owner.begun.length, 2, 'it did not start twice, while there was no hurry')
  owner.outcome = notOnProbation
  recycling.request(0, 1, 'emergency', '')
  await clock.advanceAsync(MINUTE_MS)
  t.ok(owner.begun.length > 5)
  owner.outcome = notReady
  while (!owner.begun.includes('drain 0') && owner.begun.length < 20) await clock.advanceAsync(MINUTE_MS)
  const tries = owner.results.length
  t.same(owner.results.at(-1), 'emergency drained-first')
  t.ok(tries > 8, 'only after two that did not start')
  t.same(
    owner.begun.slice(0, -1),
    Array.from({ length: tries - 1 }, () => 'replace 0'),
  )
})

await t.test('age: between 80 and 100 % of the limit, by chance', async t => {
  for (const [random, atMs] of [
    [0, 0.8 * HOUR_MS],
    [0.999_999, 0.999_999_8 * HOUR_MS],
  ] as const) {
    const { clock, owner, recycling } = setUp(t, { maxAgeMs: HOUR_MS }, random)
    recycling.serves(0, 1)
    recycling.serves(1, 1)
    recycling.left(1, 1)
    await clock.advanceAsync(Math.floor(atMs) - 1)
    t.same(owner.begun, [])
    await clock.advanceAsync(2)
    t.same(owner.begun, ['replace 0'], 'and not the one that ended before')
    t.same(owner.results, ['age replaced'])
  }
})

await t.test('closed, it begins nothing and leaves no timer', async t => {
  const { clock, owner, recycling } = setUp(t, { maxAgeMs: HOUR_MS })
  recycling.serves(0, 1)
  recycling.request(1, 1, 'leak', '')
  recycling.request(2, 1, 'leak', '')
  await clock.advanceAsync(0)
  recycling.close()
  recycling.request(0, 1, 'leak', '')
  t.equal(clock.pending, 0)
  await clock.advanceAsync(2 * HOUR_MS)
  t.same(owner.begun, ['replace 1'])
})

await t.test(
  'whatever is asked and whenever: one at a time, at its pace, and not more than the limit within any hour',
  async t => {
    const event = fc.record({
      worker: fc.nat({ max: 7 }),
      afterMs: fc.nat({ max: 5 * MINUTE_MS }),
      lastsMs: fc.nat({ max: 3 * MINUTE_MS }),
      fails: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (events, maxPerHour) => {
          const { clock, owner, recycling } = setUp(t, { maxPerHour, minIntervalMs: MINUTE_MS })
          const begunAtMs: number[] = []
          const violations: string[] = []
          let lastEndMs = -Infinity
          let running = 0
          let current = events[0]
          owner.outcome = async () => {
            if (running > 0) violations.push('two at once')
            if (clock.now() - lastEndMs < MINUTE_MS) violations.push('too soon')
            running++
            begunAtMs.push(clock.now())
            const { lastsMs, fails } = current ?? { lastsMs: 0, fails: false }
            await clock.sleep(lastsMs)
            running--
            lastEndMs = clock.now()
            if (fails) throw new Error('scripted')
          }
          for (const [index, one] of events.entries()) {
            current = one
            recycling.request(one.worker, index, 'leak', '')
            await clock.advanceAsync(one.afterMs)
          }
          recycling.close()
          await clock.advanceAsync(HOUR_MS)
          if (violations.length > 0) throw new Error(violations.join(', '))
          return begunAtMs.every((atMs, index) => {
            const limited = begunAtMs[index + maxPerHour]
            return limited === undefined || limited - atMs >= HOUR_MS
          })
        },
      ),
      { numRuns: 40 },
    )
  },
)
