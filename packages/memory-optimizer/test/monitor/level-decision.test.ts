import fc from 'fast-check'
import t from 'tap'
import { LevelDecider, type LevelSignals, RAISE_THRESHOLDS } from '../../src/monitor/level-decision.ts'
import { type PressureLevel, PRESSURE_THRESHOLDS, pressureRank } from '../../src/monitor/pressure-level.ts'

const QUIET: LevelSignals = {
  heapRatio: 0.3,
  majorCollections: 0,
  heapAgeMs: 5000,
  containerRatio: 0.3,
  containerHeldRatio: 0.3,
  shareRatio: 0.3,
  stallSomePercent: 0,
  stallFullPercent: 0,
  isStallOwn: true,
  gcRatio: 0,
  gcNowRatio: 0,
}

function decider(): LevelDecider {
  return new LevelDecider(PRESSURE_THRESHOLDS, 0.03, RAISE_THRESHOLDS)
}

/** Quiet but for these; without page cache, unless it's said. */
function given(signals: Partial<LevelSignals>): LevelSignals {
  return { ...QUIET, containerHeldRatio: signals.containerRatio ?? QUIET.containerRatio, ...signals }
}

/** The level after `times` samples with these signals. */
function settled(signals: Partial<LevelSignals>, times = 8) {
  const decide = decider()
  let last = decide.decide(given(signals))
  for (let index = 1; index < times; index++) last = decide.decide(given(signals))
  return last
}

await t.test('the highest of heap and container counts, and is named', async t => {
  t.match(settled({}), { level: 'normal', raisedBy: 'none' })
  t.match(settled({ heapRatio: 0.8 }), { level: 'warning', signal: 'heap' })
  t.match(settled({ containerRatio: 0.9 }), { level: 'critical', signal: 'container' })
  t.match(settled({ heapRatio: 0.8, containerRatio: 0.97 }), { level: 'emergency', signal: 'container' })
  t.match(settled({ heapRatio: 0.2, containerRatio: 0.5 }), { level: 'normal', signal: 'container' })
})

await t.test(
  'a share that is used up warns at most while the container has room, and counts in full where its use is not known',
  async t => {
    t.match(settled({ shareRatio: 1.4 }), { level: 'warning', signal: 'share' })
    t.match(settled({ shareRatio: 1.4, containerRatio: 0.8 }), { level: 'critical', signal: 'share' })
    t.match(settled({ shareRatio: 1.4, containerRatio: 0.9 }), { level: 'emergency' })
    t.match(settled({ shareRatio: 0.97, containerRatio: Number.NaN }), { level: 'emergency', signal: 'share' })
  },
)

await t.test('waiting for memory raises the level by one, the machine’s figures to critical at most', async t => {
  t.match(settled({ stallSomePercent: 11 }), { level: 'warning', raisedBy: 'stall' })
  t.match(settled({ stallFullPercent: 1.1 }), { level: 'warning', raisedBy: 'stall' })
  t.match(settled({ stallSomePercent: 9, stallFullPercent: 0.9 }), { level: 'normal' })
  t.match(settled({ stallSomePercent: 50, heapRatio: 0.9 }), { level: 'emergency', raisedBy: 'stall' })
  t.match(settled({ stallSomePercent: 50, heapRatio: 0.9, isStallOwn: false }), { level: 'critical', raisedBy: 'none' })
  t.match(
    settled({ stallSomePercent: 20, stallFullPercent: Number.NaN }),
    { level: 'warning' },
    'kernels that have no full',
  )
  t.match(settled({ stallSomePercent: Number.NaN, stallFullPercent: Number.NaN }), { level: 'normal' })
})

await t.test(
  'page cache warns at most: critical and emergency take what is held, or tasks of the group that wait for memory',
  async t => {
    const cached = { containerRatio: 0.97, containerHeldRatio: 0.4 }
    t.match(settled(cached), { level: 'warning', signal: 'container', raisedBy: 'none' })
    t.match(settled({ containerRatio: 0.97, containerHeldRatio: 0.86 }), { level: 'critical' })
    t.match(settled({ containerRatio: 0.99, containerHeldRatio: 0.96 }), { level: 'emergency' })
    t.match(settled({ ...cached, stallFullPercent: 1.1 }), { level: 'emergency', signal: 'container' })
    t.match(settled({ ...cached, stallFullPercent: 1.1, isStallOwn: false }), { level: 'critical', raisedBy: 'stall' })
    t.match(settled({ ...cached, shareRatio: 1.4 }), { level: 'critical', signal: 'share' })
  },
)

await t.test('a signal that is gone takes its level along, after the third sample without it', async t => {
  const gone = { containerRatio: Number.NaN, containerHeldRatio: Number.NaN }
  const decide = decider()
  for (let index = 0; index < 6; index++) decide.decide(given({ containerRatio: 0.99 }))
  const levels = Array.from({ length: 6 }, () => decide.decide(given(gone)).level)
  t.same(levels, ['emergency', 'emergency', 'critical', 'warning', 'normal', 'normal'])
  const stalled = decider()
  for (let index = 0; index < 6; index++) stalled.decide(given({ stallSomePercent: 50 }))
  const silent = given({ stallSomePercent: Number.NaN, stallFullPercent: Number.NaN })
  t.same(
    Array.from({ length: 3 }, () => stalled.decide(silent).level),
    ['warning', 'warning', 'normal'],
  )
})

await t.test('a container that can not be read for a moment still bounds what the share counts for', async t => {
  const decide = decider()
  for (let index = 0; index < 6; index++) decide.decide(given({ shareRatio: 1.4 }))
  const unread = given({ shareRatio: 1.4, containerRatio: Number.NaN, containerHeldRatio: Number.NaN })
  t.same([decide.decide(unread).level, decide.decide(unread).level], ['warning', 'warning'])
  t.equal(decide.decide(unread).level, 'critical', 'gone: the share is all there is')
})

await t.test('what raised the level has to fall to half before it stops to', async t => {
  const decide = decider()
  for (let index = 0; index < 4; index++) decide.decide({ ...QUIET, stallSomePercent: 12 })
  for (let index = 0; index < 4; index++) t.equal(decide.decide({ ...QUIET, stallSomePercent: 6 }).level, 'warning')
  for (let index = 0; index < 4; index++) decide.decide({ ...QUIET, stallSomePercent: 4 })
  t.equal(decide.decide({ ...QUIET, stallSomePercent: 4 }).level, 'normal')
})

await t.test(
  'collecting counts when the live heap is large, never for an emergency; with a small one it is just traffic',
  async t => {
    t.match(settled({ gcRatio: 0.4, heapRatio: 0.3 }), { level: 'normal' })
    t.match(settled({ gcRatio: 0.12, heapRatio: 0.6 }), { level: 'warning', raisedBy: 'gc' })
    t.match(settled({ gcRatio: 0.5, heapRatio: 0.9 }), { level: 'critical', raisedBy: 'none' })
    t.match(
      settled({ gcRatio: 0.5, heapRatio: 0.8, stallSomePercent: 20 }),
      { level: 'critical' },
      'both raise it by one',
    )
  },
)

await t.test(
  'a live heap at 95 %, just measured, is an emergency at once; a container at 95 % takes its steps',
  async t => {
    const sudden = decider()
    t.equal(sudden.decide(QUIET).level, 'normal')
    t.equal(sudden.decide({ ...QUIET, heapRatio: 0.96, majorCollections: 1 }).level, 'emergency')
    const steps = decider()
    const levels = Array.from({ length: 5 }, () => steps.decide(given({ containerRatio: 0.99 })).level)
    t.same(levels, ['normal', 'warning', 'critical', 'emergency', 'emergency'])
  },
)

await t.test(
  'collections that follow each other and free little are an emergency at once: V8 is about to give up',
  async t => {
    const spiral = { ...QUIET, heapRatio: 0.82, majorCollections: 3, gcNowRatio: 0.6 }
    const decide = decider()
    t.match(decide.decide(spiral), { level: 'emergency', raisedBy: 'gc' })
    const quiet = { ...QUIET, heapRatio: 0.6 }
    t.same([decide.decide(quiet).level, decide.decide(quiet).level], ['emergency', 'critical'], 'left as any other')
    t.equal(decider().decide({ ...spiral, majorCollections: 1 }).level, 'normal', 'one long stop is none')
    t.equal(decider().decide({ ...spiral, heapRatio: 0.7 }).level, 'normal')
    t.equal(decider().decide({ ...spiral, gcNowRatio: 0.4 }).level, 'normal')
  },
)

await t.test('a live heap measured over a minute ago warns at most', async t => {
  t.equal(settled({ heapRatio: 0.97, heapAgeMs: 59_000 }).level, 'emergency')
  t.equal(settled({ heapRatio: 0.97, heapAgeMs: 61_000 }).level, 'warning')
})

await t.test('it says that it rises from the first sample on that is above the level', async t => {
  t.equal(settled({}).isRising, false)
  t.equal(settled({ heapRatio: 0.8 }, 1).isRising, true)
  t.equal(settled({ heapRatio: 0.8 }).isRising, false)
})

const ratio = fc.oneof(fc.double({ min: 0, max: 1.2, noNaN: true }), fc.constant(Number.NaN))
const signals = fc.record({
  heapRatio: fc.double({ min: 0, max: 1.2, noNaN: true }),
  majorCollections: fc.integer({ min: 0, max: 3 }),
  heapAgeMs: fc.double({ min: 0, max: 120_000, noNaN: true }),
  containerRatio: ratio,
  containerHeldRatio: ratio,
  shareRatio: fc.double({ min: 0, max: 3, noNaN: true }),
  stallSomePercent: fc.double({ min: 0, max: 100 }),
  stallFullPercent: fc.double({ min: 0, max: 100 }),
  isStallOwn: fc.boolean(),
  gcRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  gcNowRatio: fc.double({ min: 0, max: 1, noNaN: true }),
})

await t.test(
  'levels change to their neighbours only, except for the jump to an emergency that the live heap makes',
  async () => {
    fc.assert(
      fc.property(fc.array(signals, { minLength: 1, maxLength: 60 }), series => {
        const decide = decider()
        let level: PressureLevel = 'normal'
        for (const each of series) {
          const next: PressureLevel = decide.decide(each).level
          const distance = Math.abs(pressureRank(next) - pressureRank(level))
          const isFull = each.majorCollections > 0 && each.heapRatio >= PRESSURE_THRESHOLDS.emergency
          const isSpiral = each.majorCollections > 1 && each.gcNowRatio >= 0.5 && each.heapRatio >= 0.8
          const mayJump = next === 'emergency' && (isFull || isSpiral)
          if (distance > 1 && !mayJump) return false
          level = next
        }
        return true
      }),
      { numRuns: 300 },
    )
  },
)

await t.test(
  'signals that stay as they are settle within six samples and never flap with noise below the margin',
  async () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 1, noNaN: true }),
        fc.double({ min: 0.2, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 0.029, noNaN: true }), { minLength: 20, maxLength: 100 }),
        (heapRatio, containerRatio, shareRatio, noise) => {
          const decide = decider()
          for (let index = 0; index < 8; index++) decide.decide(given({ heapRatio, containerRatio, shareRatio }))
          const levels = noise.map(
            part =>
              decide.decide(
                given({
                  heapRatio: heapRatio + part,
                  containerRatio: containerRatio + part,
                  shareRatio: shareRatio + part,
                }),
              ).level,
          )
          const ranks = levels.map(pressureRank)
          // Each of three signals may have crossed one threshold once, upwards.
          return ranks.every((rank, index) => index === 0 || rank >= (ranks[index - 1] ?? 0))
        },
      ),
      { numRuns: 300 },
    )
  },
)
