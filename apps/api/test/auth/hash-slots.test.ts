import t from 'tap'
import fc from 'fast-check'
import { FakeClock } from '@plimsoll/testing'
import { HashSlots } from '../../src/auth/hash-slots.ts'

const BUSY = { code: 'API_ERR_PASSWORDS_BUSY', status: 503 }

/** Works that end when the test says so, in a number of slots. */
function scene(options: Partial<{ slots: number; rest: number; maxWaiting: number; maxWaitMs: number }> = {}) {
  const clock = new FakeClock()
  const slots = new HashSlots({ slots: 1, rest: 0, maxWaiting: 10, maxWaitMs: 1000, ...options, clock })
  const started: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const run = (name: string, signal?: AbortSignal): Promise<string> => {
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    return slots.run(() => {
      started.push(name)
      return end.promise
    }, signal)
  }
  const finish = async (name: string): Promise<void> => {
    ends.get(name)?.resolve(name)
    await turn()
  }
  return { clock, slots, started, run, finish, ends }
}

/** Lets promises settle. */
const turn = () => new Promise<void>(resolve => void setImmediate(resolve))

await t.test('who comes first is first, and a slot goes from one to the next', async t => {
  const { slots, started, run, finish } = scene({ slots: 2 })
  const all = ['a', 'b', 'c', 'd'].map(name => run(name))
  await turn()
  t.same(started, ['a', 'b'])
  t.equal(slots.waiting, 2)
  await finish('b')
  t.same(started, ['a', 'b', 'c'])
  for (const name of ['a', 'c', 'd']) await finish(name)
  t.same(await Promise.all(all), ['a', 'b', 'c', 'd'])
  t.equal(slots.running, 0)
})

await t.test('who finds the queue full is refused at once, who waits too long when the time is up', async t => {
  const { clock, slots, started, run, finish } = scene({ maxWaiting: 1 })
  const first = run('first')
  slots.throwIfFull()
  const late = run('late')
  t.throws(() => slots.throwIfFull(), BUSY)
  await t.rejects(run('too many'), { ...BUSY, retryAfterS: 1 })
  const refused = t.rejects(late, BUSY)
  await clock.advanceAsync(1000)
  await refused
  t.equal(slots.waiting, 0)
  t.equal(clock.pending, 0, 'no timer is left')
  await finish('first')
  t.equal(await first, 'first')
  t.same(started, ['first'], 'what was refused never runs')
})

await t.test('a slot rests while others wait, as long as it was told, and never for nobody', async t => {
  const { clock, slots, started, run, finish } = scene({ rest: 2, maxWaitMs: 500_000 })
  const all = ['a', 'b', 'c'].map(name => run(name))
  await turn()
  await clock.advanceAsync(20)
  await finish('a')
  t.equal(await all[0], 'a', 'who has a hash waits for no rest')
  await clock.advanceAsync(39)
  t.same(started, ['a'])
  t.equal(slots.running, 1, 'a slot that rests is taken')
  await clock.advanceAsync(1)
  t.same(started, ['a', 'b'])
  await clock.advanceAsync(100_000)
  await finish('b')
  await clock.advanceAsync(250)
  t.same(started, ['a', 'b', 'c'], 'it never rests for longer than a quarter of a second')
  await finish('c')
  t.equal(slots.running, 0)
  t.equal(clock.pending, 0)
})

await t.test('a signal ends the wait, and the slot stays taken until the work has ended', async t => {
  const { clock, slots, started, run, finish } = scene()
  const [running, waiting] = [new AbortController(), new AbortController()]
  const a = run('a', running.signal)
  const b = run('b', waiting.signal)
  const c = run('c')
  await turn()
  running.abort(new Error('gone'))
  waiting.abort(new Error('gone too'))
  await t.rejects(a, { message: 'gone' })
  await t.rejects(b, { message: 'gone too' })
  t.equal(slots.running, 1, 'the hash can not be stopped')
  t.same(started, ['a'])
  await finish('a')
  t.same(started, ['a', 'c'])
  await finish('c')
  t.equal(await c, 'c')
  t.equal(clock.pending, 0)
  await t.rejects(run('never', AbortSignal.abort(new Error('before'))), { message: 'before' })
  t.notOk(started.includes('never'))
})

await t.test('a work that fails gives its slot back', async t => {
  const { slots, run, ends, finish } = scene()
  const failing = t.rejects(run('failing'), { message: 'no memory' })
  const next = run('next')
  ends.get('failing')?.reject(new Error('no memory'))
  await failing
  await finish('next')
  t.equal(await next, 'next')
  await t.rejects(
    slots.run(() => {
      throw new Error('at once')
    }),
    { message: 'at once' },
  )
  t.equal(slots.running, 0)
})

await t.test(
  'whatever happens, slots are never exceeded, never idle while somebody waits, and never lost',
  async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('run' as const) }),
      fc.record({ do: fc.constant('finish' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant('abort' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant('advance' as const), which: fc.nat(700) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.record({ slots: fc.integer({ min: 1, max: 3 }), maxWaiting: fc.nat(4) }),
        fc.array(step, { maxLength: 40 }),
        async (options, steps) => {
          const { clock, slots, started, run, ends } = scene(options)
          const aborts: AbortController[] = []
          const ended = new Set<string>()
          const settled: Promise<unknown>[] = []
          const end = (name: string): void => {
            ended.add(name)
            ends.get(name)?.resolve(name)
          }
          for (const step of steps) {
            if (step.do === 'run') {
              const abort = new AbortController()
              settled.push(run(String(aborts.push(abort)), abort.signal).catch(() => undefined))
            } else if (step.do === 'finish') {
              const name = started[step.which % Math.max(1, started.length)]
              if (name !== undefined) end(name)
            } else if (step.do === 'abort') aborts[step.which % Math.max(1, aborts.length)]?.abort()
            else clock.advance(step.which)
            await turn()
            const running = started.filter(name => !ended.has(name)).length
            if (slots.running !== running || running > options.slots) return false
            if (slots.waiting > options.maxWaiting || (slots.waiting > 0 && running < options.slots)) return false
          }
          for (let rounds = 0; rounds < 50 && slots.running > 0; rounds += 1) {
            for (const name of started) end(name)
            await turn()
          }
          await Promise.all(settled)
          return slots.running === 0 && slots.waiting === 0 && clock.pending === 0
        },
      ),
      { numRuns: 150 },
    )
  },
)

await t.test('a number of slots that is none is refused', async t => {
  for (const slots of [0, -1, 1.5, Number.NaN]) t.throws(() => scene({ slots }), RangeError)
})
