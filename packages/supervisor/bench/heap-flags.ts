// What the size of a semi-space is worth, and what a worker takes besides its heap. Run: node packages/supervisor/bench/heap-flags.ts [seconds] [rounds]
//
// Each round starts one process per size, one after the other so that they don't share cores, and the rounds are interleaved. A process does what
// a request does to a heap, over and over: parse a JSON document, map it, serialise it, keep some of it in a cache of bounded size, and
// hold what belongs to it for as long as 64 requests that are in flight together would. It prints requests per second of CPU time, the share
// of the time that collections took, rss, and rss less the heap: what a limit for the process has to leave besides the old generation.
// CPU time and not the clock: other work on the machine only ever adds.
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks'

const SEMI_SPACES_MIB = [1, 4, 8, 16, 32, 64]
const OLD_SPACE_MIB = 256
const [first = '4', second = '3', third = ''] = process.argv.slice(2)

interface Figures {
  readonly requestsPerCpuSecond: number
  readonly gcShare: number
  readonly scavenges: number
  readonly p99PauseMs: number
  readonly rssMib: number
  readonly besidesHeapMib: number
}

if (first === 'load') load(Number(second), Number(third))
else compare(Number(first), Number(second))

function compare(seconds: number, rounds: number): void {
  const results = new Map<number, Figures[]>(SEMI_SPACES_MIB.map(size => [size, []]))
  for (let round = 0; round < rounds; round++) {
    for (const size of SEMI_SPACES_MIB) {
      const flags = [`--max-old-space-size=${OLD_SPACE_MIB}`, `--max-semi-space-size=${size}`]
      const output = execFileSync(
        process.execPath,
        [...flags, import.meta.filename, 'load', String(seconds), String(round + 1)],
        { encoding: 'utf8' },
      )
      results.get(size)?.push(JSON.parse(output) as Figures)
    }
  }
  process.stdout.write(
    `Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model}), old space ${OLD_SPACE_MIB} MiB, ${rounds} rounds of ${seconds} s, medians\n` +
      'semi-space MiB   req/CPU s   GC share   scavenges   p99 pause ms   rss MiB   rss less heap MiB\n',
  )
  for (const [size, figures] of results) {
    const column = (pick: (one: Figures) => number, digits: number, width: number): string =>
      median(figures.map(pick)).toFixed(digits).padStart(width)
    process.stdout.write(
      String(size).padStart(14) +
        column(one => one.requestsPerCpuSecond, 0, 12) +
        column(one => one.gcShare * 100, 1, 9) +
        ' %' +
        column(one => one.scavenges, 0, 12) +
        column(one => one.p99PauseMs, 2, 15) +
        column(one => one.rssMib, 0, 10) +
        column(one => one.besidesHeapMib, 0, 20) +
        '\n',
    )
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function load(seconds: number, seed: number): void {
  const pausesMs: number[] = []
  let scavenges = 0
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      pausesMs.push(entry.duration)
      const { detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } }
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) scavenges++
    }
  })
  observer.observe({ entryTypes: ['gc'] })

  const document = JSON.stringify(
    Array.from({ length: 40 }, (_, id) => ({
      id,
      title: `course ${id} of ${seed}`,
      tags: ['a', 'b', 'c'],
      teacher: { name: `teacher ${id}`, rating: id / 7 },
      description: 'x'.repeat(120),
    })),
  )
  const cache = new Map<number, string>()
  const inFlight: unknown[] = Array.from({ length: 64 }, () => null)
  let requests = 0
  const startMs = performance.now()
  const startCpu = process.cpuUsage()
  const endMs = startMs + seconds * 1000
  const work = (): void => {
    for (let turn = 0; turn < 50; turn++) {
      const rows = JSON.parse(document) as { id: number; title: string; tags: string[] }[]
      const view = rows.map(row => ({ ...row, tags: row.tags.map(tag => `${tag}-${row.id}`), seen: requests }))
      const body = JSON.stringify({ items: view, total: rows.length })
      inFlight[requests % inFlight.length] = { rows, view, body }
      if (requests % 8 === 0) cache.set(requests % 20_000, body)
      if (cache.size > 2000) cache.delete(cache.keys().next().value ?? -1)
      requests++
    }
    if (performance.now() < endMs) setImmediate(work)
    else setImmediate(report)
  }
  const report = (): void => {
    const { user, system } = process.cpuUsage(startCpu)
    const { rss, heapTotal } = process.memoryUsage()
    observer.disconnect()
    const sorted = pausesMs.toSorted((a, b) => a - b)
    const figures: Figures = {
      requestsPerCpuSecond: requests / ((user + system) / 1e6),
      gcShare: pausesMs.reduce((sum, ms) => sum + ms, 0) / (performance.now() - startMs),
      scavenges,
      p99PauseMs: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
      rssMib: rss / 2 ** 20,
      besidesHeapMib: (rss - heapTotal) / 2 ** 20,
    }
    process.stdout.write(JSON.stringify(figures))
  }
  work()
}
