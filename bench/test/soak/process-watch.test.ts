import t from 'tap'
import { parseResident, ProcessWatch } from '../../src/soak/process-watch.ts'

await t.test("resident memory is read from the kernel's text, where it's there", async t => {
  t.equal(parseResident('Name:\tnode\nVmHWM:\t  99999 kB\nVmRSS:\t   12345 kB\nThreads:\t7\n'), 12_345 * 1024)
  t.equal(parseResident('Name:\tnode\nState:\tZ (zombie)\n'), null)
})

await t.test(
  'a process is watched from the first look to the last',
  { skip: process.platform !== 'linux' },
  async t => {
    const watch = new ProcessWatch([process.pid], 60_000)
    t.teardown(() => watch.stop())
    watch.restart()
    const untilMs = performance.now() + 60
    while (performance.now() < untilMs);
    watch.stop()
    const own = watch.courses.find(({ pid }) => pid === process.pid)
    t.equal(own?.resident.length, 3)
    t.ok(own?.resident.every(({ value }) => value > 10e6))
    t.ok((own?.lastCpuUs ?? 0) >= (own?.firstCpuUs ?? 0))
    t.ok(own?.isAlive)
  },
)
