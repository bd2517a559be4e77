// What watching costs: `node packages/memory-optimizer/bench/monitor.ts`. Best and median of seven rounds, in µs; one sample a second.
import { openContainerGauge } from '../src/limits/container-gauge.ts'
import { readMemoryLimit } from '../src/limits/memory-limit.ts'
import { createMemoryMonitor } from '../src/monitor/memory-monitor.ts'
import { openProcessReader } from '../src/monitor/process-reader.ts'
import { openGcFeed } from '../src/gc/gc-feed.ts'
import { SignalTrend } from '../src/monitor/signal-trend.ts'

const ROUNDS = 7

function measure(name: string, times: number, call: (index: number) => unknown): void {
  const rounds: number[] = []
  let sink = 0
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = performance.now()
    for (let index = 0; index < times; index++) if (call(index) !== undefined) sink++
    rounds.push(((performance.now() - startMs) / times) * 1000)
  }
  rounds.sort((a, b) => a - b)
  const [best = 0, median = 0] = [rounds[0], rounds[ROUNDS >> 1]]
  if (sink === 0) throw new Error(`${name} gave nothing`)
  process.stdout.write(`${name.padEnd(58)} ${best.toFixed(1).padStart(8)} ${median.toFixed(1).padStart(8)}\n`)
}

const monitor = createMemoryMonitor()
const reader = openProcessReader()
const feed = openGcFeed()
const gauge = openContainerGauge({ clock: performance })
const trend = new SignalTrend(1, 1e9)
for (let index = 0; index < 32; index++) trend.add(index * 10, 0.5 + 0.001 * index + 0.01 * (index % 3))

process.stdout.write(`Node ${process.version}, in µs: best, median\n`)
measure('sample, all of it', 2000, () => monitor.sample())
measure('  the process: heap, resident, private', 2000, () => reader.memory())
measure('  the event loop: utilisation, delay', 2000, () => reader.loop())
measure('  the collections: one flush without any', 2000, () => (feed.flush(), 1))
measure('prediction of one signal, 32 points (when asked for)', 2000, index => trend.estimate(320 + index * 1e-6))
measure('limits, all files (once a minute)', 500, () => readMemoryLimit())
// The thread pool's part, in processor time of the whole process: a look every 2 ms, and the same without one.
const LOOKS = 300
async function processorUs(look: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  for (let index = 0; index < LOOKS; index++) {
    look()
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / LOOKS
}
await processorUs(() => gauge.read())
const idleUs = await processorUs(() => undefined)
const readingUs = await processorUs(() => gauge.read())
process.stdout.write(`container and stall, thread pool included, processor time: ${(readingUs - idleUs).toFixed(0)}\n`)
monitor.close()
reader.close()
feed.close()
