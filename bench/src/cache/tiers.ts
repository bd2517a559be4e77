// What the shared tiers cost: a value of 1 KiB through a namespace whose memory keeps nothing, so that each read goes to the tier and decodes what it finds.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { pairedRatio, judge } from '../paired.ts'
import { number, renderTable } from '../report.ts'
import { interleave } from '../rounds.ts'
import { median } from '../statistics.ts'
import type { Cache, CacheParts, OpenCacheOptions } from '@plimsoll/cache'
import { LoneMap } from './lone-map.ts'
import type { Part, PartTools } from './part.ts'
import { ProcessTier } from './process-tier.ts'
import { type RedisServer, startRedis } from './redis-server.ts'
import { TierMeasure, type TierOrder, type TierResult, type TierUnderTest } from './tier-measure.ts'

const ORDERS = [
  { heading: 'read', operation: 'read', inFlight: 1 },
  { heading: 'read, 64 at once', operation: 'read', inFlight: 64 },
  { heading: 'write', operation: 'write', inFlight: 1 },
] as const
const READ = 0
const OPERATIONS = 1_000
const WARMUPS = 5

/** Beside what a shared machine may do to it: a value that isn't read in time would end the run. */
const REDIS_TIMEOUT_MS = 5_000

/** In the order of the table; those in shared memory get folders below `sharedFolder`. */
function tiersOf(sharedFolder: string, redis: RedisServer | undefined): TierUnderTest[] {
  const machine = (name: string) => ({ machine: { folder: path.join(sharedFolder, name) } })
  const all: (TierUnderTest | undefined)[] = [
    {
      name: 'machine tier: bytes in this process',
      place: 'machine',
      goalUs: undefined,
      open: () => openParts({ map: new LoneMap(), machine: new ProcessTier() }),
    },
    {
      name: 'machine tier: lmdb in shared memory',
      place: 'machine',
      goalUs: 10,
      open: () => openFrom(machine('lmdb')),
    },
    {
      name: 'far tier: bytes in this process',
      place: 'far',
      goalUs: undefined,
      open: () => openParts({ map: new LoneMap(), far: new ProcessTier() }),
    },
    {
      name: 'far tier: lmdb on disk',
      place: 'far',
      goalUs: undefined,
      open: folder => openFrom({ ...machine('disk'), disk: { folder } }),
    },
    redis && {
      name: 'far tier: Redis, Unix socket',
      place: 'far',
      goalUs: 5_000,
      open: () =>
        openFrom({ ...machine('redis'), redis: { socketPath: redis.socketPath, timeoutMs: REDIS_TIMEOUT_MS } }),
    },
  ]
  return all.filter(tier => tier !== undefined)
}

// Loaded when they're called, so that listing the suites takes no time.
async function openParts(parts: CacheParts): Promise<Cache> {
  const { createCache } = await import('@plimsoll/cache')
  return createCache(parts).start()
}

async function openFrom(options: OpenCacheOptions): Promise<Cache> {
  const { openCache } = await import('@plimsoll/cache')
  return openCache(options)
}

/** One round of one tier and order. */
interface Sample {
  readonly p50Us: number
  readonly p99Us: number
  /** Of all together, divided by their number. */
  readonly eachUs: number
  readonly cpuUs: number
}

interface Row {
  readonly tier: TierUnderTest
  /** By order. */
  readonly samples: readonly (readonly Sample[])[]
}

export const tiers: Part = {
  name: 'tiers',
  summary: 'reads and writes of 1 KiB through each shared tier, with decoding',
  run,
}

async function run(tools: PartTools): Promise<object> {
  const redis = await startRedis(tools.io)
  try {
    return await measureTiers(tools, tiersOf(tools.sharedFolder, redis))
  } finally {
    await redis?.stop()
  }
}

/** @throws Error when a tier can't be opened, gave a wrong answer, or lost a value */
export async function measureTiers(
  { io, effort }: PartTools,
  underTest: readonly TierUnderTest[],
): Promise<{ readonly rows: readonly Row[] }> {
  const rounds = effort.quick ? 2 : effort.rounds
  io.write(
    `\ntiers: values of 1 KiB, nothing in memory; µs by the clock, medians of ${rounds} rounds of ${OPERATIONS}\n\n`,
  )
  const measures: { row: Row & { samples: Sample[][] }; measure: TierMeasure }[] = []
  try {
    for (const [index, tier] of underTest.entries()) {
      const folder = path.join(io.temporary, `tier-${index}`)
      mkdirSync(folder, { recursive: true })
      const measure = await TierMeasure.open(tier, folder)
      measures.push({ row: { tier, samples: ORDERS.map(() => []) }, measure })
    }
    for (const [index, order] of ORDERS.entries()) {
      const wanted: TierOrder = { ...order, operations: OPERATIONS }
      for (let warmup = 0; warmup < WARMUPS; warmup++) for (const { measure } of measures) await measure.run(wanted)
      for (const {
        candidate: { row, measure },
      } of interleave(measures, rounds)) {
        io.signal.throwIfAborted()
        row.samples[index]?.push(sampleOf(await measure.run(wanted)))
      }
    }
  } finally {
    for (const { measure } of measures.toReversed()) await measure.close()
  }
  const rows = measures.map(({ row }) => row)
  io.write(render(rows))
  return { rows }
}

function sampleOf({ latenciesUs, elapsedUsEach, cpuUsEach }: TierResult): Sample {
  const sorted = latenciesUs.toSorted()
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50Us: quantile(0.5), p99Us: quantile(0.99), eachUs: elapsedUsEach, cpuUs: cpuUsEach }
}

function render(rows: readonly Row[]): string {
  const column = (heading: string, order: number, decimals: number, of: (sample: Sample) => number) => ({
    heading,
    align: 'right' as const,
    cell: ({ samples }: Row) => number(median((samples[order] ?? []).map(of)), decimals),
  })
  return renderTable<Row>(
    [
      { heading: '', align: 'left', cell: row => row.tier.name },
      ...ORDERS.flatMap(({ heading, inFlight }, order) => [
        ...(inFlight === 1
          ? [column(`${heading}: p50`, order, 1, one => one.p50Us), column('p99', order, 0, one => one.p99Us)]
          : [column(`${heading}: each`, order, 1, one => one.eachUs)]),
        column('CPU', order, 1, one => one.cpuUs),
      ]),
      { heading: 'goal', align: 'left', cell: row => judged(row) },
    ],
    rows,
  ).concat('  all in µs; a write is an invalidation and a set\n')
}

function judged({ tier: { goalUs }, samples }: Row): string {
  if (goalUs === undefined) return ''
  const p50s = (samples[READ] ?? []).map(({ p50Us }) => p50Us)
  const us = pairedRatio(
    p50s,
    p50s.map(() => 1),
  )
  return `read ≤ ${goalUs} µs: ${judge(us, { atMost: goalUs })}`
}
