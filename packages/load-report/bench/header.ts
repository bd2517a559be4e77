// CPU time of a report, for who sends it and who reads it. Run: node packages/load-report/bench/header.ts [rounds]
//
// It counts the process's CPU time, not the clock, and prints least and median of interleaved rounds, since other work on the machine only ever adds.
//
//   per request      header() and requestEnded() while the string holds; that's what each answer pays
//   per new report   header() that finds the string too old, with all measures of the process; at most ten a second
//   per second       what measuring costs a process that does nothing: the ticks of Node's histogram of loop delays
import { setTimeout as sleep } from 'node:timers/promises'
import { createLoadReporter, decodeLoadReport } from '../src/index.ts'

const REQUESTS = 1_000_000
const REPORTS = 2000
const DECODINGS = 100_000
const IDLE_MS = 500

const rounds = Number(process.argv[2] ?? 7)

/** A clock that's as dear as the real one, and as far ahead as it's told. */
const clock = {
  aheadMs: 0,
  now: () => performance.now() + clock.aheadMs,
}
const reporter = createLoadReporter({ clock, rebuildAfterMs: 10_000, windowMs: 60_000 })
const bytes = Buffer.from(`endpoint-load-metrics: ${reporter.header()}\r\n`)
const start = 'endpoint-load-metrics: '.length
let sum = 0

function cpuNs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}

const rows: Record<string, number[]> = {
  'ns per request': [],
  'ns per new report': [],
  'ns per report read': [],
  'µs per second, idle': [],
}
for (let round = 0; round < rounds; round++) {
  rows['ns per request']?.push(
    cpuNs(() => {
      for (let i = 0; i < REQUESTS; i++) {
        reporter.requestEnded(false)
        sum += reporter.header().length
      }
    }) / REQUESTS,
  )
  rows['ns per new report']?.push(
    cpuNs(() => {
      for (let i = 0; i < REPORTS; i++) {
        clock.aheadMs += 10_000
        sum += reporter.header().length
      }
    }) / REPORTS,
  )
  rows['ns per report read']?.push(
    cpuNs(() => {
      for (let i = 0; i < DECODINGS; i++) sum += decodeLoadReport(bytes, start, bytes.length - 2)?.heapUtilization ?? 0
    }) / DECODINGS,
  )
  const before = process.cpuUsage()
  await sleep(IDLE_MS)
  const { user, system } = process.cpuUsage(before)
  rows['µs per second, idle']?.push(((user + system) * 1000) / IDLE_MS)
}
reporter.close()

const lines = Object.entries(rows).map(([name, values]) => {
  const sorted = values.toSorted((a, b) => a - b)
  const cell = (value = 0): string => value.toFixed(0).padStart(9)
  return `${name.padEnd(22)} least ${cell(sorted[0])}   median ${cell(sorted[sorted.length >> 1])}`
})
process.stdout.write(`Node ${process.version}, ${rounds} rounds\n${lines.join('\n')}\n`)
if (!(sum > 0)) process.exitCode = 1
