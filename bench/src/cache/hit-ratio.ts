// What share of reads a cache of a size answers, beside the best that any cache of that size could do; and which size is needed for 80, 90 and 95 %.
//
// Traces are drawn with a seed, so every figure here is exact and the same on every machine. They say what a size is worth under a law; the law of a service's own reads
// is in its statistics. Time plays no part: nothing expires, nothing is invalidated.
import { SeededRandom } from '@plimsoll/testing'
import { number, renderTable } from '../report.ts'
import { type Curve, renderChart } from './curve-chart.ts'
import { LruCurve } from './lru-curve.ts'
import { memoryHits } from './memory-hits.ts'
import { Optimum } from './optimum.ts'
import type { Part, PartTools } from './part.ts'
import { hitRatioOf, simulateTiers, type TierHits } from './tier-simulation.ts'
import { zipfTrace } from './zipf-trace.ts'

const KEYS = [1_000, 10_000, 100_000] as const
const EXPONENTS = [0.6, 0.8, 1, 1.2] as const
/** Entries per kind of the three tiers. */
const SIZES = { memory: 100, machine: 500, far: 1_000 } as const
const LEVELS = Object.values(SIZES)
const TARGETS = [0.8, 0.9, 0.95] as const
const PROCESSES = 4
const SEED = 1
/** The law that's drawn. */
const CHART_KEYS = 10_000
const CHART_MARKS = ['a', 'b', 'c', 'd'] as const
const CHART_WIDTH = 72
const CHART_HEIGHT = 21

interface Law {
  readonly keys: number
  readonly exponent: number
}

/** The fewest entries that reach it; undefined: no number of them does. */
interface Needed {
  readonly target: number
  /** LRU, hits of all reads. */
  readonly lru: number | undefined
  /** The best possible, hits of all reads. */
  readonly optimum: number | undefined
  /** LRU, hits of those reads that aren't a key's first. */
  readonly lruOfRepeated: number | undefined
}

interface Figures extends Law {
  readonly reads: number
  readonly distinct: number
  /** By entries. */
  readonly levels: readonly { readonly entries: number; readonly lru: number; readonly optimum: number }[]
  /** Reads by the tier that answered them. */
  readonly tiers: TierHits
  /** The same with the reads spread over some processes by chance, each with a memory of its own. */
  readonly tiersOfSeveral: TierHits
  readonly needed: readonly Needed[]
}

/** A law's figures and what the chart is drawn from. */
interface Explored {
  readonly figures: Figures
  readonly lru: LruCurve
  readonly optimum: Optimum
}

export const hitRatio: Part = {
  name: 'hit-ratio',
  summary: 'share of reads answered on Zipf traces by 100, 500 and 1,000 entries, beside the best possible',
  run,
}

async function run({ io, effort }: PartTools): Promise<object> {
  const reads = effort.quick ? 5_000 : 500_000
  const keys = effort.quick ? KEYS.slice(0, 2) : KEYS
  io.write(`\nhit-ratio: ${number(reads)} reads by Zipf's law, seed ${SEED}; LRU and the best possible, exactly\n`)
  const figures: Figures[] = []
  const drawn: Explored[] = []
  for (const count of keys) {
    for (const exponent of EXPONENTS) {
      io.signal.throwIfAborted()
      const explored = await explore({ keys: count, exponent }, reads)
      figures.push(explored.figures)
      if (count === CHART_KEYS) drawn.push(explored)
    }
    io.write(`  ${number(count)} keys done; the product's first tier had exactly the simulated hits\n`)
  }
  io.write(`\nhits of all reads, %: LRU / the best possible\n${renderRatios(figures)}`)
  io.write(`\nthe fewest entries that reach it, LRU / the best possible\n${renderNeeded(figures)}`)
  const curves = chartPoints(drawn)
  io.write(`\nhits of all reads by entries, ${number(CHART_KEYS)} keys\n${renderCurves(curves)}`)
  return { reads, seed: SEED, sizes: SIZES, processes: PROCESSES, figures, curves }
}

/** @throws Error when the product's first tier answers other reads than the simulated one */
async function explore(law: Law, reads: number): Promise<Explored> {
  const trace = zipfTrace({ ...law, reads }, new SeededRandom(SEED))
  const lru = new LruCurve(trace)
  const optimum = new Optimum(trace)
  const product = await memoryHits(trace, law.keys, SIZES.memory)
  const tiers = simulateTiers(trace, law.keys, SIZES, 1, () => 0)
  if (product !== tiers.memory || product !== lru.hits(SIZES.memory)) {
    throw new Error(
      `${law.keys} keys, exponent ${law.exponent}: the product's memory had ${product} hits, the simulated one ${tiers.memory}, by stack distance it's ${lru.hits(SIZES.memory)}`,
    )
  }
  const random = new SeededRandom(SEED + 1)
  const processOf = () => Math.floor(random.next() * PROCESSES)
  const repeated = reads - lru.distinct
  const figures: Figures = {
    ...law,
    reads,
    distinct: lru.distinct,
    levels: LEVELS.map(entries => ({
      entries,
      lru: lru.hits(entries) / reads,
      optimum: optimum.hits(entries) / reads,
    })),
    tiers,
    tiersOfSeveral: simulateTiers(trace, law.keys, SIZES, PROCESSES, processOf),
    needed: TARGETS.map(target => {
      const byLru = lru.fewestEntries(target * reads)
      return {
        target,
        lru: byLru,
        optimum: byLru === undefined ? undefined : optimum.fewestEntries(target * reads, byLru),
        lruOfRepeated: lru.fewestEntries(target * repeated),
      }
    }),
  }
  return { figures, lru, optimum }
}

const percent = (share: number): string => number(share * 100, 1)

function renderRatios(figures: readonly Figures[]): string {
  return renderTable<Figures>(
    [
      ...lawColumns(),
      // Whatever is kept, a key's first read is a miss.
      { heading: 'any size', align: 'right', cell: one => percent(1 - one.distinct / one.reads) },
      ...LEVELS.map((entries, level) => ({
        heading: `${number(entries)} entries`,
        align: 'right' as const,
        cell: (one: Figures) => {
          const { lru = 0, optimum = 0 } = one.levels[level] ?? {}
          return `${percent(lru)} / ${percent(optimum)}`
        },
      })),
      { heading: 'three tiers', align: 'right', cell: one => renderTiers(one.tiers) },
      { heading: `${PROCESSES} processes`, align: 'right', cell: one => renderTiers(one.tiersOfSeveral) },
    ],
    figures,
  ).concat(
    `  three tiers: ${LEVELS.map(entries => number(entries)).join(' + ')} entries, in brackets what memory, machine and far tier answer; the last column with the reads\n`,
    `  spread over ${PROCESSES} processes, each with a memory of its own\n`,
  )
}

function renderTiers(hits: TierHits): string {
  const reads = hits.memory + hits.machine + hits.far + hits.misses
  const shares = [hits.memory, hits.machine, hits.far].map(count => percent(count / reads))
  return `${percent(hitRatioOf(hits))} (${shares.join(' + ')})`
}

function renderNeeded(figures: readonly Figures[]): string {
  const entriesOf = (entries: number | undefined) => (entries === undefined ? 'never' : number(entries))
  const neededOf = (one: Figures, target: number) => one.needed.find(needed => needed.target === target)
  return renderTable<Figures>(
    [
      ...lawColumns(),
      ...TARGETS.map(target => ({
        heading: `${target * 100} % of all`,
        align: 'right' as const,
        cell: (one: Figures) => {
          const needed = neededOf(one, target)
          return needed?.lru === undefined ? 'never' : `${entriesOf(needed.lru)} / ${entriesOf(needed.optimum)}`
        },
      })),
      ...TARGETS.map(target => ({
        heading: `${target * 100} % of repeated`,
        align: 'right' as const,
        cell: (one: Figures) => entriesOf(neededOf(one, target)?.lruOfRepeated),
      })),
    ],
    figures,
  ).concat('  never: the first reads of so many keys are more misses than that; repeated: LRU, of the other reads\n')
}

function lawColumns() {
  return [
    { heading: 'keys', align: 'right' as const, cell: (one: Figures) => number(one.keys) },
    { heading: 'exponent', align: 'right' as const, cell: (one: Figures) => number(one.exponent, 1) },
  ]
}

interface ChartPoints {
  readonly exponent: number
  readonly points: readonly { readonly entries: number; readonly lru: number; readonly optimum: number }[]
}

function chartPoints(drawn: readonly Explored[]): ChartPoints[] {
  const factor = (CHART_KEYS / 10) ** (1 / (CHART_WIDTH - 1))
  const sizes = Array.from({ length: CHART_WIDTH }, (_, column) => Math.round(10 * factor ** column))
  return drawn.map(({ figures: { exponent, reads }, lru, optimum }) => ({
    exponent,
    points: sizes.map(entries => ({
      entries,
      lru: lru.hits(entries) / reads,
      optimum: optimum.hits(entries) / reads,
    })),
  }))
}

function renderCurves(curves: readonly ChartPoints[]): string {
  const drawn = curves.flatMap(({ points }, index): Curve[] => {
    const byEntries = new Map(points.map(point => [point.entries, point]))
    return [
      { mark: '·', at: entries => byEntries.get(entries)?.optimum },
      { mark: CHART_MARKS[index] ?? '?', at: entries => byEntries.get(entries)?.lru },
    ]
  })
  const options = { fromX: 10, toX: CHART_KEYS, width: CHART_WIDTH, height: CHART_HEIGHT }
  const legend = curves.map(({ exponent }, index) => `${CHART_MARKS[index]}: exponent ${number(exponent, 1)}`)
  return `${renderChart(drawn, { ...options, ticks: [10, ...LEVELS, CHART_KEYS] })}  ${legend.join(', ')}; dots: the best possible\n`
}
