// What a hit in this process's memory costs, and a miss with several callers: CPU time, each cache in a thread of its own, in turn.
//
// The threads are started anew every few rounds: what the compiler made of a cache, and where its objects lie, stays a thread's fate for life. What the loop around the
// reads takes, its turns of the event loop above all, is measured beside it and subtracted.
import path from 'node:path'
import { judge, type PairedRatio, pairedRatio, renderRatio } from '../paired.ts'
import { number, renderTable } from '../report.ts'
import { interleave } from '../rounds.ts'
import { median } from '../statistics.ts'
import {
  BOUNDED,
  FETCH,
  GET,
  LOADING_CACHES,
  PEEK,
  STORES,
  STRICT,
  STRICT_PEEK,
  STRICT_SHARED,
  STRICT_SHARED_PEEK,
} from './caches.ts'
import type { Part, PartTools } from './part.ts'
import { LOOP_ALONE, type ReaderOrder } from './reader-protocol.ts'
import { Reader, withReaders } from './reader.ts'

const TASK = { entries: 10_000, ttlMs: 300_000, exponent: 1, seed: 1 } as const
/** Many, so that little but the reads counts; and a few, as a request makes. */
const READS_PER_TURN = [1_000, 10] as const
const CALLERS = 8
/** Rounds that one set of threads lives for. */
const ROUNDS_PER_START = 5
/** What's left when a slow loop is subtracted from a fast read: less than that can't be told from nothing. */
const LEAST_NS = 1
/** Before each slice, as a share of it; not measured. */
const SETTLING = 0.2
const OURS: ReadonlySet<string> = new Set([BOUNDED, STRICT, STRICT_SHARED])

const LOADING = LOADING_CACHES.map(({ name }) => name)
const STORED = STORES.map(({ name }) => name)
const NAMES = [LOOP_ALONE, ...LOADING, ...STORED]
const DIFFERENCES = new Map([...LOADING_CACHES, ...STORES].map(({ name, differs }) => [name, differs]))

type Goal = { readonly ofReference: number } | { readonly atMostNs: number }

const GOALS: ReadonlyMap<string, Goal> = new Map<string, Goal>([
  [BOUNDED, { ofReference: 1.2 }],
  [PEEK, { ofReference: 1.5 }],
  [STRICT, { atMostNs: 1_000 }],
  [STRICT_SHARED, { atMostNs: 1_000 }],
  [STRICT_PEEK, { atMostNs: 1_000 }],
  [STRICT_SHARED_PEEK, { atMostNs: 1_000 }],
])

/** What's measured in turn. */
interface Measure {
  readonly heading: string
  readonly names: readonly string[]
  readonly orderOf: (operations: number) => ReaderOrder
}

/** ns per operation, one per slice. */
type Samples = ReadonlyMap<string, number[]>

export const hits: Part = {
  name: 'hits',
  summary: 'CPU time of a hit in memory, awaited and at once, and of a miss with 8 callers, beside other caches',
  run,
}

async function run({ io, effort, sharedFolder }: PartTools): Promise<object> {
  const rounds = effort.quick ? 2 : effort.rounds
  // Many short slices: what disturbs a machine comes in seconds, so that neighbours in time have the most in common.
  const times = effort.quick
    ? { warmupMs: 60, sliceMs: 5, slicesPerRound: 4 }
    : { warmupMs: 300, sliceMs: 10, slicesPerRound: 10 }
  const measures: readonly Measure[] = [
    ...READS_PER_TURN.map(readsPerTurn => ({
      heading: `hits, ${number(readsPerTurn)} reads per turn of the event loop`,
      names: NAMES,
      orderOf: (reads: number) => ({ kind: 'hits', reads, readsPerTurn }) as const,
    })),
    {
      heading: `misses, ${CALLERS} callers at once, a loader that answers at once`,
      names: LOADING,
      orderOf: misses => ({ kind: 'misses', misses, callers: CALLERS }),
    },
  ]
  io.write(
    `\nhits: ${number(TASK.entries)} keys, Zipf ${TASK.exponent}, room for all; CPU ns, ${rounds} rounds of ${times.slicesPerRound} slices of ${times.sliceMs} ms in ${Math.ceil(rounds / ROUNDS_PER_START)} sets of threads\n`,
  )
  const samples = measures.map(({ names }) => new Map(names.map(name => [name, [] as number[]])))
  const loads = new Map(LOADING.map(name => [name, 0]))
  let misses = 0
  for (let done = 0; done < rounds; done += ROUNDS_PER_START) {
    const now = Math.min(ROUNDS_PER_START, rounds - done)
    await withReaders(
      NAMES,
      name => Reader.start({ ...TASK, name, folder: folderFor(sharedFolder, name, done) }, io.signal),
      async readers => {
        for (const [index, measure] of measures.entries()) {
          const taken = samples[index] as Samples
          const measured = readers.filter(reader => measure.names.includes(reader.name))
          const operations = new Map<Reader, number>()
          for (const reader of measured)
            operations.set(reader, await reader.warmUp(times.warmupMs, times.sliceMs, measure.orderOf))
          for (const { candidate: reader } of interleave(measured, now * times.slicesPerRound)) {
            const count = operations.get(reader) as number
            // The core's caches are another one's until then.
            await reader.ask(measure.orderOf(Math.ceil(count * SETTLING)))
            const order = measure.orderOf(count)
            const { cpuUs, loads: loaded } = await reader.ask(order)
            taken.get(reader.name)?.push((cpuUs * 1000) / count)
            if (order.kind !== 'misses') continue
            if (OURS.has(reader.name) && loaded !== order.misses)
              throw new Error(`${reader.name}: ${order.misses} misses were loaded ${loaded} times`)
            loads.set(reader.name, (loads.get(reader.name) ?? 0) + loaded / order.misses)
            misses++
          }
        }
      },
    )
    io.write(`  ${done + now} of ${rounds} rounds\n`)
  }
  const missesEach = misses / LOADING.length
  const loadsPerMiss = new Map(Array.from(loads, ([name, loaded]) => [name, loaded / missesEach]))
  const parts = measures.map(({ heading, names }, index) => ({
    heading,
    samples: withoutLoop(samples[index] as Samples, names),
  }))
  for (const { heading, samples: one } of parts) io.write(`\n${heading}\n${render(one, loadsPerMiss)}`)
  return {
    task: TASK,
    ...times,
    differences: Object.fromEntries(DIFFERENCES),
    loadsPerMiss: Object.fromEntries(loadsPerMiss),
    figures: parts.map(({ heading, samples: one }) => ({ heading, nsPerOperation: Object.fromEntries(one) })),
  }
}

/** Not there yet: who shares something makes it. */
function folderFor(parent: string, name: string, round: number): string {
  return path.join(parent, `${name.replaceAll(/[^a-z]+/g, '-')}-${round}`)
}

/** Slice by slice; a miss is compared with its loop, which takes next to nothing of it. */
function withoutLoop(samples: Samples, names: readonly string[]): Samples {
  const loop = samples.get(LOOP_ALONE)
  if (loop === undefined) return samples
  return new Map(
    names.map(name => {
      const own = samples.get(name) ?? []
      return [name, name === LOOP_ALONE ? own : own.map((ns, round) => Math.max(LEAST_NS, ns - (loop[round] ?? 0)))]
    }),
  )
}

interface Row {
  readonly name: string
  readonly ns: number
  readonly least: number
  readonly ratio: PairedRatio | undefined
  readonly goal: string
}

function render(samples: Samples, loadsPerMiss: ReadonlyMap<string, number>): string {
  const isMiss = !samples.has(LOOP_ALONE)
  const rowOf = (reference: string) => (name: string) => rowFor(samples, name, reference, isMiss)
  const rows = [
    ...LOADING.map(rowOf(FETCH)),
    ...(isMiss ? [] : STORED.map(rowOf(GET))),
    ...(isMiss ? [] : [rowFor(samples, LOOP_ALONE, LOOP_ALONE, true)]),
  ]
  const table = renderTable<Row>(
    [
      { heading: '', align: 'left', cell: row => row.name },
      { heading: 'ns', align: 'right', cell: row => number(row.ns) },
      // Whatever else runs only adds to it.
      { heading: 'least', align: 'right', cell: row => number(row.least) },
      {
        heading: 'ratio (95 %)',
        align: 'right',
        cell: row => (row.ratio ? renderRatio(row.ratio) : ''),
      },
      ...(isMiss
        ? [
            {
              heading: 'loads each',
              align: 'right' as const,
              cell: (row: Row) => number(loadsPerMiss.get(row.name) ?? 0, 2),
            },
          ]
        : [{ heading: 'goal', align: 'left' as const, cell: (row: Row) => row.goal }]),
      { heading: 'what differs', align: 'left', cell: row => DIFFERENCES.get(row.name) ?? '' },
    ],
    rows,
  )
  const subtracted = isMiss ? '' : `; "${LOOP_ALONE}" is subtracted from the others`
  return `${table}  ratios: awaited ones to ${FETCH}, the others to ${GET}${subtracted}\n`
}

function rowFor(samples: Samples, name: string, reference: string, withoutGoal: boolean): Row {
  const own = samples.get(name) ?? []
  const ratio = name === LOOP_ALONE ? undefined : pairedRatio(own, samples.get(reference) ?? [])
  const goal = withoutGoal ? undefined : GOALS.get(name)
  return { name, ns: median(own), least: Math.min(...own), ratio, goal: goal ? judged(goal, own, ratio) : '' }
}

function judged(goal: Goal, own: readonly number[], ratio: PairedRatio | undefined): string {
  if ('ofReference' in goal) return ratio ? `≤ ${goal.ofReference}: ${judge(ratio, { atMost: goal.ofReference })}` : ''
  const ns = pairedRatio(
    own,
    own.map(() => 1),
  )
  return `≤ ${number(goal.atMostNs)} ns: ${judge(ns, { atMost: goal.atMostNs })}`
}
