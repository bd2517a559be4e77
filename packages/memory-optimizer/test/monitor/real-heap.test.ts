// The monitor in processes with a real, small heap: one whose live heap grows to its limit, one that only makes garbage.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import type { PressureLevel } from '../../src/monitor/pressure-level.ts'

interface Change {
  readonly to: PressureLevel
  readonly signal: string
  readonly heapRatio: number
}

const MONITOR = JSON.stringify(import.meta.resolve('../../src/monitor/memory-monitor.ts'))
/** `gcRatio`: the share of time in collections that raises the level. */
const watch = (gcRatio: number): string => `import { createMemoryMonitor } from ${MONITOR}
  const monitor = createMemoryMonitor({ sampleIntervalMs: 20, idleIntervalMs: 20, raise: { gcRatio: ${gcRatio} }, onError: error => { throw error } })
  monitor.onLevel(({ to, sample }) => process.send({ to, signal: sample.signal, heapRatio: sample.heapRatio }))`

/** Runs a program under a heap limit and gives the changes of its level. */
async function levelsOf(
  t: { teardown(handler: () => void): unknown },
  oldSpaceMib: number,
  gcRatio: number,
  program: string,
): Promise<{ changes: Change[]; exitCode: number | null }> {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${oldSpaceMib}`, '--input-type=module', '-e', `${watch(gcRatio)}\n${program}`],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  )
  t.teardown(() => child.kill('SIGKILL'))
  const changes: Change[] = []
  child.on('message', change => void changes.push(change as Change))
  const [exitCode] = (await once(child, 'exit')) as [number | null]
  return { changes, exitCode }
}

await t.test('a live heap that grows to its limit is told before V8 gives up, and relief is seen', async t => {
  const { changes, exitCode } = await levelsOf(
    t,
    64,
    // The heap's own signal: near its limit this process collects all the time.
    1,
    `let kept = Array.from({ length: 36000 }, (_, index) => new Array(128).fill(index))
    // A third of a MiB per look, so that it doesn't race the monitor; then garbage, so that what was dropped is collected.
    monitor.onSample(() => {
      for (let index = 0; index < 350; index++) kept?.push(new Array(128).fill(index))
      // Large objects are old from the start.
      if (kept === undefined) globalThis.garbage = new Array(262144).fill(0)
    })
    monitor.onLevel(({ to }) => {
      // Later V8 may give up first: from 80 % on it does when it collects most of the time.
      if (to !== 'normal') kept = undefined
      if (to !== 'normal' || kept !== undefined) return
      monitor.close()
      process.disconnect()
    })
    // The monitor alone keeps no process alive.
    process.on('message', () => undefined)`,
  )
  t.equal(exitCode, 0, 'it was not ended for want of memory')
  const levels = changes.map(({ to }) => to)
  t.ok(levels.length >= 2, levels.join(', '))
  t.ok(levels[0] === 'warning' || levels[0] === 'emergency', 'no level is passed over, but for the jump')
  t.equal(levels.at(-1), 'normal')
  const warning = changes[0]
  t.equal(warning?.signal, 'heap')
  t.ok((warning?.heapRatio ?? 0) >= 0.75, `warned at ${warning?.heapRatio}`)
})

await t.test('garbage alone never leaves the normal level', async t => {
  const { changes, exitCode } = await levelsOf(
    t,
    64,
    0.1,
    `const kept = Array.from({ length: 9000 }, (_, index) => new Array(120).fill(index))
    const ring = []
    let count = 0
    const churn = setInterval(() => {
      for (let index = 0; index < 900; index++) ring[count++ % 3000] = new Array(100).fill(count)
    }, 4)
    let majors = 0
    monitor.onSample(sample => {
      majors += sample.majorCollections
      if (majors < 2) return
      monitor.close()
      clearInterval(churn)
      process.exitCode = kept.length === 9000 ? 0 : 1
      process.disconnect()
    })
    setTimeout(() => process.exit(3), 8000).unref()`,
  )
  t.equal(exitCode, 0)
  t.same(changes, [])
})
