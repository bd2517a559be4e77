import t from 'tap'
import { figuresOf, MEMORY_FIGURES } from '../src/figures.ts'
import { MIB, monitorRig } from './monitor/monitor-rig.ts'

await t.test('every figure has a help text, a unit in its name, and its number in that unit', async t => {
  const { monitor, clock, container, loop, memory, collected } = monitorRig()
  container.stallSomePercent = 5
  loop.delayP99Ms = 250
  memory.heapUsedBytes = 50 * MIB
  collected('major', 45 * MIB, 120)
  clock.advance(1000)
  const figures = figuresOf(monitor.latest, monitor.prediction())
  t.same(Object.keys(figures), Object.keys(MEMORY_FIGURES))
  for (const name of Object.keys(figures)) t.match(name, /^memory_[a-z0-9_]+_(bytes|ratio|seconds|level)$/)
  t.match(figures, {
    memory_heap_used_bytes: 50 * MIB,
    memory_heap_limit_bytes: 100 * MIB,
    memory_live_heap_bytes: 45 * MIB,
    memory_limit_bytes: 1000 * MIB,
    memory_pressure_level: 0,
    memory_stall_some_ratio: 0.05,
    memory_loop_delay_p99_seconds: 0.25,
    memory_gc_longest_pause_seconds: 0.12,
    memory_heap_ratio: 0.45,
    memory_predicted_limit_seconds: Number.POSITIVE_INFINITY,
  })
})

await t.test('a prediction that is sure is shown in seconds', async t => {
  const { monitor, clock, container } = monitorRig()
  for (let second = 0; second < 120; second++) {
    container.ratio = 0.3 + second / 1000
    clock.advance(1000)
  }
  const { memory_predicted_limit_seconds: seconds } = figuresOf(monitor.latest, monitor.prediction())
  t.ok(Math.abs(seconds - 581) < 10, String(seconds))
})
