import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { FakeClock } from '@plimsoll/testing'
import t from 'tap'
import type { LevelChanged } from '../../src/channels.ts'
import type { ContainerGauge } from '../../src/limits/container-gauge.ts'
import { createMemoryMonitor } from '../../src/monitor/memory-monitor.ts'
import type { PressureLevel } from '../../src/monitor/pressure-level.ts'
import { MIB, monitorRig } from './monitor-rig.ts'
import { HALF_FULL, NEARLY_FULL } from './recorded-sawtooth.ts'

/** Levels after each look of a recorded series against a heap of `limitMib`. */
function levelsOf(series: typeof HALF_FULL, limitMib: number): PressureLevel[] {
  const { monitor, memory, collected, clock } = monitorRig({ oldSpaceLimitBytes: limitMib * MIB })
  return series.map(([usedMib, liveMib]) => {
    memory.heapUsedBytes = usedMib * MIB
    if (!Number.isNaN(liveMib)) collected('major', liveMib * MIB)
    clock.advance(1000)
    return monitor.level
  })
}

await t.test(
  'garbage is no pressure: a sawtooth up to 90 % of the limit stays normal when what lives is 66 %',
  async t => {
    const used = HALF_FULL.map(([usedMib]) => usedMib / 79)
    t.ok(Math.max(...used) > 0.85, 'the use itself goes up and down through two thresholds')
    t.ok(Math.min(...used) < 0.7)
    t.same([...new Set(levelsOf(HALF_FULL, 79))], ['normal'])
  },
)

await t.test('a live heap at three quarters is a warning, without a flap', async t => {
  const levels = levelsOf(NEARLY_FULL, 94)
  const changes = levels.filter((level, index) => index > 0 && level !== levels[index - 1])
  t.same(changes, ['warning'])
  t.same([...new Set(levelsOf(NEARLY_FULL, 81))].slice(-1), ['critical'])
})

await t.test('before the first major collection the lowest use of ten samples stands in for the live heap', async t => {
  const { monitor, memory, clock } = monitorRig()
  memory.heapUsedBytes = 96 * MIB
  clock.advance(5000)
  t.equal(monitor.level, 'normal')
  t.ok(monitor.latest.heapRatio < 0.31)
  t.same(monitor.latest.liveHeapBytes, Number.NaN)
  clock.advance(9000)
  t.ok(monitor.latest.heapRatio > 0.95)
  t.not(monitor.level, 'normal')
})

await t.test('what is in use now bounds what lives: a relief counts before the next major collection', async t => {
  const { monitor, memory, collected, clock } = monitorRig()
  memory.heapUsedBytes = 92 * MIB
  collected('major', 90 * MIB)
  clock.advance(1000)
  collected('major', 90 * MIB)
  clock.advance(2000)
  t.equal(monitor.level, 'critical')
  memory.heapUsedBytes = 40 * MIB
  clock.advance(1000)
  t.equal(monitor.latest.heapRatio, 0.4)
  clock.advance(3000)
  t.equal(monitor.level, 'normal')
})

await t.test('a live heap at 95 % is an emergency at the next sample', async t => {
  const { monitor, memory, collected, clock } = monitorRig()
  memory.heapUsedBytes = 97 * MIB
  collected('major', 96 * MIB)
  clock.advance(1000)
  t.equal(monitor.level, 'emergency')
  t.match(monitor.latest, { signal: 'heap', heapRatio: 0.96, majorCollections: 1 })
})

await t.test('a process that was relieved but never collects comes down to a warning by itself', async t => {
  const { monitor, memory, collected, clock } = monitorRig()
  memory.heapUsedBytes = 97 * MIB
  collected('major', 96 * MIB)
  clock.advance(1000)
  clock.advance(58_000)
  t.equal(monitor.level, 'emergency')
  clock.advance(5000)
  t.equal(monitor.level, 'warning')
})

await t.test('the share of the container is private memory by limit / processes', async t => {
  const { monitor, clock } = monitorRig({ processes: 4 })
  clock.advance(1000)
  t.match(monitor.latest, { shareBytes: 250 * MIB, shareRatio: 0.32, limitBytes: 1000 * MIB, rssBytes: 130 * MIB })
  const given = monitorRig({ shareBytes: 100 * MIB })
  t.equal(given.monitor.latest.shareRatio, 0.8)
})

await t.test('time in collections is that of the last ten samples', async t => {
  const { monitor, memory, collected, clock } = monitorRig()
  memory.heapUsedBytes = 60 * MIB
  for (let second = 0; second < 10; second++) {
    collected('major', 55 * MIB, 150)
    collected('minor', 57 * MIB, 50)
    clock.advance(1000)
  }
  t.ok(Math.abs(monitor.latest.gcRatio - 0.2) < 1e-9, String(monitor.latest.gcRatio))
  t.match(monitor.latest, { longestPauseMs: 150, level: 'warning', raisedBy: 'gc' })
  clock.advance(20_000)
  t.match(monitor.latest, { gcRatio: 0, longestPauseMs: 0, level: 'normal' })
})

await t.test(
  'it looks once a second, every five when nothing happens, and at once more often when something does',
  async t => {
    const { monitor, loop, container, clock } = monitorRig()
    let samples = 0
    monitor.onSample(() => samples++)
    clock.advance(10_000)
    t.equal(samples, 10)
    loop.utilization = 0.001
    clock.advance(1000)
    samples = 0
    clock.advance(20_000)
    t.equal(samples, 4)
    container.ratio = 0.9
    clock.advance(5000)
    t.equal(monitor.level, 'normal')
    clock.advance(2000)
    t.equal(monitor.level, 'critical', 'one sample after five seconds, two more after a second each')
  },
)

await t.test(
  'levels and samples are told, by callback and by channel, and a listener that throws stops nobody',
  async t => {
    const { monitor, container, clock, errors } = monitorRig()
    const published: LevelChanged[] = []
    const subscriber = (message: unknown): void => void published.push(message as LevelChanged)
    channel('memory:level:changed').subscribe(subscriber)
    t.teardown(() => channel('memory:level:changed').unsubscribe(subscriber))
    const seen: string[] = []
    const leave = monitor.onLevel(({ from, to, sample }) => {
      seen.push(`${from} > ${to}`)
      t.equal(sample.level, to)
    })
    monitor.onSample(() => {
      throw new Error('mine')
    })
    container.ratio = 0.99
    clock.advance(4000)
    container.ratio = 0.1
    clock.advance(2000)
    leave()
    clock.advance(10_000)
    t.same(seen, ['normal > warning', 'warning > critical', 'critical > emergency', 'emergency > critical'])
    t.same(
      published.map(({ from, to }) => `${from} > ${to}`),
      [...seen, 'critical > warning', 'warning > normal'],
    )
    t.ok(published.every(message => message.prediction.signal !== undefined))
    t.equal(errors.length, 16, 'each throw is reported')
  },
)

await t.test('it tells when each level is reached, and how sure that is', async t => {
  const { monitor, container, clock } = monitorRig()
  t.match(monitor.prediction(), { points: 0, limit: { inMs: Number.POSITIVE_INFINITY } })
  for (let second = 0; second < 160; second++) {
    // One point a minute, with noise.
    container.ratio = 0.4 + second / 6000 + (second % 3) * 0.0002
    clock.advance(1000)
  }
  const prediction = monitor.prediction()
  t.equal(prediction, monitor.prediction(), 'computed once per sample')
  t.equal(prediction.signal, 'container')
  t.ok(Math.abs(prediction.slopePerMinute - 0.01) < 0.0005, String(prediction.slopePerMinute))
  t.ok(prediction.confidence > 0.99)
  const minutes = prediction.warning.inMs / 60_000
  t.ok(Math.abs(minutes - 32.3) < 2, `${minutes} min`)
  t.ok(
    prediction.warning.earliestMs <= prediction.warning.inMs && prediction.warning.inMs <= prediction.warning.latestMs,
  )
  t.ok(prediction.warning.inMs < prediction.critical.inMs && prediction.critical.inMs < prediction.emergency.inMs)
  t.ok(prediction.emergency.inMs < prediction.limit.inMs)
})

await t.test('fragmentation is what neither heap nor buffers explain beyond the first minute, smoothed', async t => {
  const { monitor, memory, clock } = monitorRig()
  clock.advance(60_000)
  t.equal(monitor.latest.fragmentation, 0, 'code and libraries are no fragmentation')
  memory.privateBytes = 280 * MIB
  clock.advance(1000)
  t.ok(monitor.latest.fragmentation < 0.05)
  clock.advance(300_000)
  t.ok(Math.abs(monitor.latest.fragmentation - 200 / 280) < 0.01, String(monitor.latest.fragmentation))
})

await t.test(
  'close ends the timer and the subscription, twice is once, and a feed that was given stays open',
  async t => {
    const { monitor, clock, feed } = monitorRig()
    const { latest } = monitor
    monitor.close()
    monitor.close()
    t.equal(clock.pending, 0)
    t.same(feed, { listeners: 0, closed: false })
    t.equal(monitor.sample(), latest)
  },
)

await t.test('one whose first look fails leaves nothing behind: no timer, no profiler', async t => {
  const clock = new FakeClock()
  const gauge: ContainerGauge = {
    limit: { limitBytes: MIB, source: 'machine', origin: 'x', totalBytes: MIB, groups: [] },
    read: () => {
      throw new Error('no container')
    },
  }
  t.throws(() => createMemoryMonitor({ clock, timers: clock, gauge }), { message: 'no container' })
  t.equal(clock.pending, 0, "the feed's timer is ended with it")
})

await t.test('an onError that throws does not end the watch', async t => {
  const warned = once(process, 'warning')
  const { monitor, clock } = monitorRig({
    onError: () => {
      throw new Error('log is full')
    },
  })
  let samples = 0
  monitor.onSample(() => {
    samples++
    throw new Error('mine')
  })
  clock.advance(2000)
  monitor.close()
  t.equal(samples, 2)
  t.match(await warned, [{ message: 'log is full' }])
})

await t.test('options outside their range are refused by name', async t => {
  for (const [options, name] of [
    [{ thresholds: { warning: 0.9 } }, 'warning'],
    [{ sampleIntervalMs: 1 }, 'sampleIntervalMs'],
    [{ sampleIntervalMs: 5000, idleIntervalMs: 1000 }, 'idleIntervalMs'],
    [{ processes: 0 }, 'processes'],
    [{ processes: 2, shareBytes: 100 * MIB }, 'shareBytes'],
    [{ shareBytes: 512 }, 'shareBytes'],
    [{ raise: { gcRatio: 10 } }, 'raise.gcRatio'],
    [{ oldSpaceLimitBytes: 512 }, 'oldSpaceLimitBytes'],
  ] as const) {
    t.throws(() => createMemoryMonitor(options), { code: 'MEMORY_ERR_OPTION', message: new RegExp(name) })
  }
})

await t.test('on this process: figures that are there, in their units', async t => {
  const monitor = createMemoryMonitor({ sampleIntervalMs: 10 })
  t.teardown(() => monitor.close())
  const sample = monitor.sample()
  t.ok(sample.heapUsedBytes > MIB && sample.heapUsedBytes < sample.heapTotalBytes * 2)
  t.ok(sample.privateBytes > 5 * MIB && sample.privateBytes <= sample.rssBytes)
  t.ok(sample.heapLimitBytes > 50 * MIB)
  t.ok(sample.heapRatio > 0 && sample.heapRatio < 1)
  t.ok(sample.loopUtilization >= 0 && sample.loopUtilization <= 1)
  t.ok(sample.loopDelayP99Ms >= 0)
  t.ok(sample.limitBytes > 0 && sample.shareBytes === sample.limitBytes)
})
