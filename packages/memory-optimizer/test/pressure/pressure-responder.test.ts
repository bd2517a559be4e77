import { channel } from 'node:diagnostics_channel'
import { FakeClock } from '@plimsoll/testing'
import fc from 'fast-check'
import t from 'tap'
import type { MemoryError } from '../../src/errors.ts'
import type { MemorySample } from '../../src/monitor/memory-sample.ts'
import { type PressureLevel, PRESSURE_LEVELS } from '../../src/monitor/pressure-level.ts'
import { createPressureResponder } from '../../src/pressure/pressure-responder.ts'
import type { PressureResponse } from '../../src/pressure/response.ts'
import {
  askForRecycling,
  lowerConcurrency,
  pauseWork,
  shedPriorities,
  shrinkCache,
} from '../../src/pressure/responses.ts'

const MIB = 1024 * 1024

function responderRig() {
  const clock = new FakeClock({ startMs: 1_000_000 })
  const errors: MemoryError[] = []
  const log: string[] = []
  let latest = {
    level: 'normal',
    liveHeapBytes: 100 * MIB,
    externalBytes: 10 * MIB,
    majorCollections: 0,
  } as MemorySample
  const listeners = new Set<(sample: MemorySample) => void>()
  const source = {
    get latest() {
      return latest
    },
    onSample(listener: (sample: MemorySample) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const responder = createPressureResponder(source, { clock, timers: clock, onError: error => void errors.push(error) })
  return {
    clock,
    errors,
    log,
    listeners,
    responder,
    /** A sample a second, at this level. */
    samples: async (level: PressureLevel, count = 1, change: Partial<MemorySample> = {}): Promise<void> => {
      for (let index = 0; index < count; index++) {
        await clock.advanceAsync(1000)
        latest = { ...latest, level, majorCollections: 0, ...change }
        for (const listener of listeners) listener(latest)
        await clock.advanceAsync(0)
      }
    },
    /** A response that writes down what it's told. */
    logged: (response: Omit<PressureResponse, 'apply' | 'revert'>): PressureResponse => ({
      holdMs: 0,
      ...response,
      apply: step => void log.push(`+${response.name}${step.index}`),
      revert: step => void log.push(`-${response.name}${step.index}`),
    }),
  }
}

await t.test(
  'steps are applied in the order of level, order and registration, one per sample, and undone in reverse',
  async t => {
    const { responder, samples, logged, log } = responderRig()
    responder.register(logged({ name: 'shed', level: 'critical' }))
    responder.register(
      logged({
        name: 'cache',
        order: 1,
        steps: [
          { level: 'warning', share: 0.5 },
          { level: 'critical', share: 0.1 },
        ],
      }),
    )
    responder.register(logged({ name: 'work', level: 'warning' }))
    await samples('normal')
    t.same(log, [])
    await samples('critical')
    t.same(log, ['+cache0'])
    await samples('critical', 5)
    t.same(log, ['+cache0', '+work0', '+cache1', '+shed0'])
    t.match(responder.state(), { level: 'critical', applied: 4 })
    log.length = 0
    await samples('warning', 5)
    t.same(log, ['-shed0', '-cache1'])
    await samples('normal', 5)
    t.same(log, ['-shed0', '-cache1', '-work0', '-cache0'])
    t.match(responder.state(), { level: 'normal', applied: 0 })
  },
)

await t.test('in an emergency milder steps follow each other at once, its own one per sample', async t => {
  const { responder, samples, logged, log } = responderRig()
  for (const level of ['warning', 'critical', 'emergency'] as const) {
    responder.register(logged({ name: `${level}-a`, level }))
    responder.register(logged({ name: `${level}-b`, level }))
  }
  await samples('emergency')
  t.same(log, ['+warning-a0', '+warning-b0', '+critical-a0', '+critical-b0'])
  await samples('emergency')
  t.same(log.slice(4), ['+emergency-a0'])
  await samples('emergency')
  t.same(log.slice(4), ['+emergency-a0', '+emergency-b0'])
})

await t.test('a share that is applied holds until the one before it is restored', async t => {
  const { responder, samples } = responderRig()
  const shares: number[] = []
  responder.register({ ...shrinkCache('cache', share => void shares.push(share)), holdMs: 0 })
  await samples('critical', 3)
  await samples('warning', 2)
  await samples('normal', 2)
  t.same(shares, [0.5, 0.1, 0.5, 1])
})

await t.test('what was applied is held for its time, and so is what comes before it', async t => {
  const { responder, samples, logged, log } = responderRig()
  responder.register(logged({ name: 'early', level: 'warning', holdMs: 0 }))
  responder.register(logged({ name: 'late', level: 'warning', holdMs: 10_000 }))
  await samples('warning', 2)
  await samples('normal', 9)
  t.same(log, ['+early0', '+late0'])
  await samples('normal', 2)
  t.same(log, ['+early0', '+late0', '-late0', '-early0'])
})

await t.test(
  'a response that throws is told, does not stop the others, is tried again later, and is undone',
  async t => {
    const { responder, samples, logged, log, errors } = responderRig()
    const failures: unknown[] = []
    const subscriber = (message: unknown): void => void failures.push(message)
    channel('memory:response:failed').subscribe(subscriber)
    t.teardown(() => channel('memory:response:failed').unsubscribe(subscriber))
    let broken = true
    responder.register({
      ...logged({ name: 'broken', level: 'warning', order: 1, retryMs: 20_000 }),
      apply: () => {
        if (broken) throw new Error('no socket')
        log.push('+broken0')
      },
    })
    responder.register(logged({ name: 'sound', level: 'warning' }))
    await samples('warning', 3)
    t.same(log, ['+sound0'])
    t.equal(errors.length, 1)
    t.match(errors[0], {
      code: 'MEMORY_ERR_RESPONSE',
      message: /"broken" failed to apply step 0.*no socket/,
      cause: { message: 'no socket' },
    })
    t.match(failures, [{ name: 'broken', step: 0, level: 'warning', phase: 'apply' }])
    t.match(responder.state().responses[0], { status: 'failed', failures: 1, lastError: /no socket/ })
    broken = false
    await samples('warning', 25)
    t.same(log, ['+sound0', '+broken0'])
    await samples('normal', 3)
    t.same(log.slice(2), ['-sound0', '-broken0'])
  },
)

await t.test('a response that hangs is left behind after its time, with its signal aborted', async t => {
  const { responder, samples, logged, log, errors, clock } = responderRig()
  let aborted = false
  responder.register({
    name: 'hangs',
    level: 'warning',
    timeoutMs: 3000,
    apply: ({ signal }) => new Promise(() => signal.addEventListener('abort', () => (aborted = true))),
  })
  responder.register(logged({ name: 'next', level: 'warning' }))
  await samples('warning', 2)
  t.same(log, [], 'one at a time')
  t.equal(responder.state().responses[0]?.status, 'applying')
  await samples('warning', 3)
  t.ok(aborted)
  t.same(log, ['+next0'])
  t.match(errors[0]?.message, /longer than timeoutMs, 3000 ms/)
  t.equal(clock.pending, 0, 'no timer is left')
})

await t.test(
  'an undo that fails is stuck: the others are undone, it is tried again, and a rise makes it moot',
  async t => {
    const { responder, samples, logged, log } = responderRig()
    let broken = true
    responder.register(logged({ name: 'first', level: 'warning' }))
    responder.register({
      ...logged({ name: 'stuck', level: 'warning', retryMs: 5000 }),
      revert: () => {
        if (broken) throw new Error('not now')
        log.push('-stuck0')
      },
    })
    await samples('warning', 2)
    await samples('normal', 3)
    t.same(log, ['+first0', '+stuck0', '-first0'])
    t.equal(responder.state().responses[1]?.status, 'stuck')
    await samples('warning', 2)
    t.same(log.slice(3), ['+first0', '+stuck0'])
    await samples('normal', 2)
    broken = false
    await samples('normal', 8)
    t.same(log.slice(5), ['-first0', '-stuck0'])
  },
)

await t.test(
  'a step is not undone while a later one of its response is stuck, so its share does not come back for good',
  async t => {
    const { responder, samples, logged, log } = responderRig()
    const shares: number[] = []
    let broken = true
    responder.register({
      ...shrinkCache('cache', share => void shares.push(share)),
      holdMs: 0,
      revert: ({ share }) => {
        if (share === 0.5 && broken) throw new Error('not now')
        shares.push(share)
      },
    })
    responder.register(logged({ name: 'other', level: 'warning', order: 11 }))
    await samples('critical', 4)
    await samples('normal', 5)
    t.same(shares, [0.5, 0.1], 'the milder one waits')
    t.same(log, ['+other0', '-other0'], 'others do not')
    t.match(responder.state(), { applied: 2 })
    broken = false
    await samples('normal', 40)
    t.same(shares, [0.5, 0.1, 0.5, 1])
    t.match(responder.state(), { applied: 0 })
  },
)

await t.test('a step that failed is not tried again while a later one of its response is in force', async t => {
  const { responder, samples, errors } = responderRig()
  const shares: number[] = []
  let broken = true
  responder.register({
    ...shrinkCache('cache', share => {
      if (share === 0.5 && broken) throw new Error('not now')
      shares.push(share)
    }),
    holdMs: 0,
    retryMs: 5000,
  })
  await samples('critical', 3)
  t.equal(errors.length, 1)
  broken = false
  await samples('critical', 20)
  t.same(shares, [0.1])
  await samples('warning', 2)
  t.same(shares, [0.1, 0.5, 0.5], 'undone, and then the milder one is tried again')
  await samples('normal', 2)
  t.same(shares.at(-1), 1)
})

await t.test(
  'whatever fails and whenever, a healthy process ends with its whole share and refuses nobody',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...PRESSURE_LEVELS), { maxLength: 40 }),
        fc.array(fc.boolean(), { maxLength: 30 }),
        async (levels, whetherFails) => {
          const { responder, samples } = responderRig()
          // A copy: fast-check shows, and shrinks, what it has given.
          const failures = [...whetherFails]
          let lowest = 'low'
          let share = 1
          const mayFail = (): void => {
            if (failures.shift() === true) throw new Error('not now')
          }
          const quick = { holdMs: 0, retryMs: 3000 }
          responder.register({ ...shedPriorities('shed', least => (mayFail(), void (lowest = least))), ...quick })
          responder.register({ ...shrinkCache('cache', part => (mayFail(), void (share = part))), ...quick })
          for (const level of levels) await samples(level)
          failures.length = 0
          await samples('normal', 20)
          return lowest === 'low' && share === 1 && responder.state().applied === 0
        },
      ),
      { numRuns: 60 },
    )
  },
)

await t.test(
  'an undo that failed is not forgotten when the level rises and falls before the step is applied anew',
  async t => {
    const { responder, samples, logged, log } = responderRig()
    let broken = true
    responder.register(logged({ name: 'before', level: 'critical', order: 1 }))
    responder.register({
      ...logged({ name: 'stuck', level: 'critical', retryMs: 5000 }),
      revert: () => {
        if (broken) throw new Error('not now')
        log.push('-stuck0')
      },
    })
    await samples('critical', 2)
    await samples('normal', 2)
    // The rise is over when the first step of the two has been applied.
    await samples('critical')
    broken = false
    await samples('normal', 10)
    t.same(log.slice(-2).toSorted(), ['-before0', '-stuck0'])
    t.match(responder.state(), { applied: 0 })
  },
)

await t.test('freed bytes are what the response says, or else what a major collection shows', async t => {
  const { responder, samples } = responderRig()
  responder.register({ name: 'says', level: 'warning', apply: async () => 7 * MIB })
  responder.register({ name: 'silent', level: 'warning', apply: () => undefined })
  await samples('warning', 2)
  t.match(responder.state().responses, [
    { freedBytes: 7 * MIB, freedBy: 'reported' },
    { freedBytes: Number.NaN, freedBy: 'unknown' },
  ])
  t.equal(responder.state().freedBytes, 7 * MIB)
  await samples('warning', 1, { liveHeapBytes: 70 * MIB, majorCollections: 1 })
  t.match(responder.state().responses[1], { freedBytes: 30 * MIB, freedBy: 'measured' })
  t.equal(responder.state().freedBytes, 37 * MIB)
})

await t.test('closing ends it: no response starts, the one under way is told, none is accepted', async t => {
  const { responder, samples, logged, log, errors, listeners, clock } = responderRig()
  let reason: unknown
  responder.register({
    name: 'long',
    level: 'warning',
    apply: ({ signal }) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))),
  })
  responder.register(logged({ name: 'never', level: 'warning' }))
  await samples('warning')
  responder.close()
  await clock.advanceAsync(10_000)
  t.match(reason, { code: 'MEMORY_ERR_CLOSED' })
  t.same([log, errors, listeners.size, clock.pending], [[], [], 0, 0])
  t.throws(() => responder.register(logged({ name: 'late', level: 'warning' })), { code: 'MEMORY_ERR_CLOSED' })
})

await t.test('a step that is over hears nothing of the closing: nothing of it is kept', async t => {
  const { responder, samples } = responderRig()
  const signals: AbortSignal[] = []
  responder.register({ name: 'quick', level: 'warning', apply: ({ signal }) => void signals.push(signal) })
  await samples('warning')
  responder.close()
  t.same(
    signals.map(({ aborted }) => aborted),
    [false],
  )
})

await t.test('a response can be taken out again, and its name used again', async t => {
  const { responder, samples, logged, log } = responderRig()
  const remove = responder.register(logged({ name: 'a', level: 'warning' }))
  t.throws(() => responder.register(logged({ name: 'a', level: 'warning' })), {
    code: 'MEMORY_ERR_OPTION',
    message: /"a"/,
  })
  remove()
  await samples('warning')
  t.same(log, [])
  responder.register(logged({ name: 'a', level: 'warning' }))
})

await t.test('responses that make no sense are refused by name', async t => {
  const { responder } = responderRig()
  const apply = (): void => undefined
  for (const response of [
    { name: 'x', apply },
    { name: 'x', level: 'warning', steps: [], apply },
    { name: 'x', steps: [], apply },
    { name: 'x', steps: [{ level: 'critical' }, { level: 'warning' }], apply },
    {
      name: 'x',
      steps: [
        { level: 'warning', share: 0.1 },
        { level: 'critical', share: 0.5 },
      ],
      apply,
    },
    { name: 'x', steps: [{ level: 'warning', share: 50 }], apply },
    { name: 'x', level: 'normal', apply },
    { name: 'x', level: 'warning', timeoutMs: 0, apply },
    { name: 'x', level: 'warning', holdMs: -1, apply },
    { name: 'x', level: 'warning', order: Number.NaN, apply },
  ]) {
    t.throws(() => responder.register(response as PressureResponse), { code: 'MEMORY_ERR_OPTION', message: /"x"/ })
  }
})

await t.test('the ready-made ones do what their names say', async t => {
  const { responder, samples } = responderRig()
  const log: string[] = []
  const ready = [
    askForRecycling('recycle', () => void log.push('recycle')),
    shedPriorities('shed', lowest => void log.push(`admit ${lowest}`)),
    lowerConcurrency('concurrency', share => void log.push(`concurrency ${share}`)),
    pauseWork(
      'warming',
      () => void log.push('pause'),
      () => void log.push('resume'),
    ),
    shrinkCache('cache', share => void log.push(`cache ${share}`)),
  ]
  for (const response of ready) responder.register({ ...response, holdMs: 0 })
  await samples('emergency', 4)
  t.same(log.splice(0), [
    'cache 0.5',
    'pause',
    'cache 0.1',
    'concurrency 0.5',
    'admit normal',
    'concurrency 0.25',
    'admit critical',
    'recycle',
  ])
  await samples('normal', 9)
  t.same(log, ['admit normal', 'concurrency 0.5', 'admit low', 'concurrency 1', 'cache 0.5', 'resume', 'cache 1'])
})

await t.test(
  'whatever the levels do, what is in force is a beginning of the order, and all is undone in the end',
  async t => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...PRESSURE_LEVELS), { maxLength: 30 }),
        fc.array(fc.constantFrom('warning', 'critical', 'emergency'), { minLength: 1, maxLength: 5 }),
        async (levels, responses) => {
          const { responder, samples, log, logged } = responderRig()
          for (const [index, level] of responses.entries()) responder.register(logged({ name: `r${index}-`, level }))
          for (const level of levels) {
            await samples(level)
            const inForce = responder.state().responses.map(({ status }) => status === 'applied')
            if (inForce.lastIndexOf(true) !== inForce.indexOf(false) - 1 && inForce.includes(false)) return false
          }
          await samples('normal', 10)
          const applied = log.filter(entry => entry.startsWith('+')).length
          return responder.state().applied === 0 && applied * 2 === log.length
        },
      ),
      { numRuns: 60 },
    )
    t.pass('held')
  },
)
