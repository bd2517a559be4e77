import { FakeClock } from '@plimsoll/testing'
import t from 'tap'
import { openContainerGauge } from '../../src/limits/container-gauge.ts'
import { parseMemoryStall } from '../../src/limits/pressure-stall.ts'
import { readMemoryLimit } from '../../src/limits/memory-limit.ts'
import { MIB, monitorRig } from '../monitor/monitor-rig.ts'
import { DOCKER_V2_PRIVATE, HYBRID, PAGE_CACHE_V2, readFrom, SYSTEMD_SLICE } from './recorded-tree.ts'

function gaugeOf(files: Record<string, string>, clock = new FakeClock()) {
  const readText = readFrom(files)
  const readTextAsync = async (path: string): Promise<string | undefined> => files[path]
  const readLimit = (): ReturnType<typeof readMemoryLimit> =>
    readMemoryLimit({ readText, totalBytes: 16_384 * MIB, constrainedBytes: 0 })
  return openContainerGauge({ clock, readText, readTextAsync, readLimit })
}

await t.test('the first look has the use and the stall of the own group', async t => {
  t.match(gaugeOf(DOCKER_V2_PRIVATE).read(), {
    useBytes: 200 * MIB,
    ratio: 200 / 512,
    heldRatio: 190 / 512,
    stallSomePercent: 12.5,
    stallFullPercent: 0.4,
    isStallOwn: true,
  })
})

await t.test('the fullest group on the way up counts, not the nearest', async t => {
  t.match(gaugeOf(SYSTEMD_SLICE).read(), { useBytes: 810 * MIB, ratio: 0.9, isStallOwn: false })
})

await t.test("without limits there's no use to tell, and the stall is the machine's", async t => {
  const use = gaugeOf(HYBRID).read()
  t.match(use, {
    ratio: Number.NaN,
    heldRatio: Number.NaN,
    useBytes: Number.NaN,
    stallSomePercent: 0,
    isStallOwn: false,
  })
})

await t.test('a reading that was started by one look is there at the next', async t => {
  const files = { ...DOCKER_V2_PRIVATE }
  const clock = new FakeClock()
  const gauge = gaugeOf(files, clock)
  files['/sys/fs/cgroup/memory.current'] = `${400 * MIB}\n`
  t.equal(gauge.read().useBytes, 200 * MIB)
  await clock.advanceAsync(1000)
  t.equal(gauge.read().useBytes, 300 * MIB)
})

await t.test('an answer that has grown old while the next one is not there counts as none', async t => {
  const clock = new FakeClock()
  const readText = readFrom(DOCKER_V2_PRIVATE)
  const gauge = openContainerGauge({ clock, readText, readTextAsync: () => new Promise(() => {}) })
  t.equal(gauge.read().ratio, 200 / 512)
  clock.advance(15_001)
  t.same(gauge.read().ratio, Number.NaN)
})

await t.test('who asks rarely gets a new answer each time, in the longest intervals of a monitor too', async t => {
  for (const idleIntervalMs of [15_000, 60_000, 300_000]) {
    const files: Record<string, string> = {
      ...DOCKER_V2_PRIVATE,
      '/sys/fs/cgroup/memory.pressure': '',
      '/proc/pressure/memory': '',
    }
    const clock = new FakeClock()
    const { monitor, loop } = monitorRig({ clock, timers: clock, gauge: gaugeOf(files, clock), idleIntervalMs })
    t.teardown(() => monitor.close())
    loop.utilization = 0
    const ratios: number[] = []
    monitor.onSample(({ containerRatio }) => void ratios.push(containerRatio))
    // The first sample comes after the usual second: the loop was busy when the monitor was made.
    await clock.advanceAsync(1000)
    for (const usedMib of [300, 350, 400]) {
      files['/sys/fs/cgroup/memory.current'] = `${usedMib * MIB}\n`
      await clock.advanceAsync(idleIntervalMs)
    }
    t.equal(ratios.length, 4)
    // At 15 s the last reading is just good enough.
    if (idleIntervalMs > 15_000) t.same(ratios.slice(1), [200 / 512, 250 / 512, 300 / 512])
    t.notOk(ratios.some(Number.isNaN), `${idleIntervalMs} ms: ${ratios.join(' ')}`)
  }
})

await t.test('page cache in a recorded tree warns, and what is held in its place is an emergency', async t => {
  const files = { ...PAGE_CACHE_V2 }
  const clock = new FakeClock()
  const { monitor } = monitorRig({ clock, timers: clock, gauge: gaugeOf(files, clock) })
  t.teardown(() => monitor.close())
  await clock.advanceAsync(10_000)
  t.match(monitor.latest, { level: 'warning', signal: 'container', containerRatio: 500 / 512 })
  t.equal(monitor.latest.containerHeldRatio, 150 / 512)
  files['/sys/fs/cgroup/memory.stat'] = `anon ${490 * MIB}\ninactive_file ${10 * MIB}\nactive_file 0\n`
  await clock.advanceAsync(10_000)
  t.match(monitor.latest, { level: 'emergency', signal: 'container', containerHeldRatio: 500 / 512 })
})

await t.test('a limit that is changed in place is seen within a minute', async t => {
  const files = { ...DOCKER_V2_PRIVATE }
  const clock = new FakeClock()
  const gauge = gaugeOf(files, clock)
  files['/sys/fs/cgroup/memory.max'] = `${1024 * MIB}\n`
  await clock.advanceAsync(60_000)
  gauge.read()
  t.equal(gauge.limit.limitBytes, 1024 * MIB)
  await clock.advanceAsync(1000)
  t.equal(gauge.read().ratio, 200 / 1024)
})

await t.test('stall information: percent of ten seconds, unknown where it is missing', async t => {
  t.same(parseMemoryStall('some avg10=1.25 avg60=0 avg300=0 total=0\nfull avg10=100.00 avg60=0 avg300=0 total=0\n'), {
    somePercent: 1.25,
    fullPercent: 100,
  })
  t.same(parseMemoryStall('some avg10=3.00 avg60=0 avg300=0 total=0\n'), { somePercent: 3, fullPercent: Number.NaN })
  t.same(parseMemoryStall(undefined), { somePercent: Number.NaN, fullPercent: Number.NaN })
  t.same(parseMemoryStall('avg10=9'), { somePercent: Number.NaN, fullPercent: Number.NaN })
})
