// What the machine's shared memory costs per operation: `node packages/cache/bench/lmdb.ts`. Each figure is the best of three runs, in µs.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LmdbMachineMap } from '../src/lmdb/lmdb-machine-map.ts'
import { LmdbTier } from '../src/lmdb/lmdb-tier.ts'

const RUNS = 3
const KIB = new Uint8Array(1024).fill(7)
const LIFE_MS = 3_600_000

function print(name: string, us: number): void {
  process.stdout.write(`${name.padEnd(44)} ${us.toFixed(2).padStart(9)}\n`)
}

function measure(name: string, times: number, call: (index: number) => unknown): void {
  let bestUs = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const startMs = performance.now()
    for (let index = 0; index < times; index++) call(index)
    bestUs = Math.min(bestUs, ((performance.now() - startMs) / times) * 1000)
  }
  print(name, bestUs)
}

async function measureAwaited(name: string, times: number, each: number, call: (index: number) => Promise<unknown>) {
  let bestUs = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const startMs = performance.now()
    for (let index = 0; index < times; index++) await call(index)
    bestUs = Math.min(bestUs, ((performance.now() - startMs) / times / each) * 1000)
  }
  print(name, bestUs)
}

async function measureMap(folder: string): Promise<void> {
  const map = new LmdbMachineMap({ folder })
  await map.settled()
  await map.invalidate(['tcourse:1'])
  measure('sequence', 300_000, () => map.sequence())
  measure('lastChange, known', 100_000, () => map.lastChange('tcourse:1'))
  measure('lastChange, never invalidated', 100_000, () => map.lastChange('tcourse:2'))
  measure('isLeased, free', 100_000, () => map.isLeased('courses\0key'))
  await measureAwaited('invalidate, one subject', 10_000, 1, index => map.invalidate([`tcourse:${index % 1000}`]))
  await measureAwaited('invalidate, three subjects', 40_000, 1, index =>
    map.invalidate([`tcourse:${index % 1000}`, `kcourses\0${index}`, 'tcourses']),
  )
  await measureAwaited('take a lease and give it back', 5000, 1, async index => {
    const lease = await map.takeLease(`courses\0${index}`, 10_000)
    await lease?.release()
  })
  await map.close()
}

async function measureTier(name: string, options: { readonly folder: string; readonly durable: boolean }) {
  const tier = new LmdbTier(options)
  await tier.settled()
  tier.limit('courses', 500)
  await Promise.all(Array.from({ length: 500 }, (_, index) => tier.set('courses', `key:${index}`, KIB, LIFE_MS)))
  const before = tier.get('courses', 'key:7')
  if (before?.bytes.length !== KIB.length) throw new Error('The tier has lost what was stored.')
  measure(`${name}: get 1 KiB, hit`, 200_000, index => tier.get('courses', `key:${index % 500}`))
  measure(`${name}: get, miss`, 200_000, index => tier.get('courses', `none:${index % 500}`))
  const awaited = options.durable ? 20 : 2000
  await measureAwaited(`${name}: set 1 KiB, one awaited`, awaited, 1, index =>
    tier.set('courses', `one:${index}`, KIB, LIFE_MS),
  )
  await measureAwaited(`${name}: set 1 KiB, 64 at once, each`, 50, 64, round =>
    Promise.all(Array.from({ length: 64 }, (_, index) => tier.set('courses', `b${round}:${index}`, KIB, LIFE_MS))),
  )
  await tier.close()
}

const memory = mkdtempSync(join('/dev/shm', 'plimsoll-lmdb-bench-'))
const disk = mkdtempSync(join(tmpdir(), 'plimsoll-lmdb-bench-'))
try {
  await measureMap(memory)
  await measureTier('memory', { folder: memory, durable: false })
  await measureTier('disk', { folder: disk, durable: true })
} finally {
  rmSync(memory, { recursive: true, force: true })
  rmSync(disk, { recursive: true, force: true })
}
