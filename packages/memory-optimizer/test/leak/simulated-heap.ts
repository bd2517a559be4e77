// Live heaps as they look after major collections, made up: a trend, a shape, and noise on top; and what the rule makes of them when it watches all the time.
import type { LeakTrack, TrackVerdict } from '../../src/leak/leak-track.ts'

const MIB = 1_048_576

/** The detector's defaults. */
export const DEFAULT_SETTINGS = {
  minPoints: 24,
  minWindowMinutes: 10,
  minGrowthShare: 0.1,
  minGrowthMib: 1,
  horizonMinutes: 7 * 24 * 60,
}

export interface SimulatedHeap {
  /** Major collections, 10 s apart unless `meanGapMs` says other. */
  readonly collections: number
  readonly meanGapMs?: number
  /** Standard deviation of the noise, in MiB. */
  readonly noiseMib: number
  /** Correlation of the noise of neighbouring collections, 0-1. */
  readonly correlation?: number
  /** Every so many collections, on average, an outlier of 5-20 times the noise, upwards. */
  readonly spikeEvery?: number
  /** The live heap without the noise, in MiB, at a collection (0 up). */
  live(index: number): number
  /** What the caller would give as load; default none. */
  load?(index: number): number
}

export interface SimulationResult {
  /** The first collection at which it was called a leak; undefined when never. */
  readonly calledAt: number | undefined
  readonly atCall: TrackVerdict | undefined
  readonly last: TrackVerdict
}

/** Feeds a track with a simulated heap and notes when it's first called a leak. */
export function simulate(
  track: LeakTrack,
  heap: SimulatedHeap,
  random: { next(): number },
  limitMib = 512,
): SimulationResult {
  const { meanGapMs = 10_000, correlation = 0 } = heap
  let calledAt: number | undefined
  let atCall: TrackVerdict | undefined
  let noise = 0
  let atMs = 0
  for (let index = 0; index < heap.collections; index++) {
    noise = correlation * noise + Math.sqrt(1 - correlation ** 2) * heap.noiseMib * normal(random)
    const spike =
      heap.spikeEvery !== undefined && random.next() < 1 / heap.spikeEvery
        ? heap.noiseMib * (5 + 15 * random.next())
        : 0
    // Collections come neither evenly nor at random.
    atMs += meanGapMs * (0.5 + random.next())
    const fresh = track.add({
      atMs,
      bytes: (heap.live(index) + noise + spike) * MIB,
      accountedBytes: 0,
      load: heap.load?.(index) ?? Number.NaN,
      limitBytes: limitMib * MIB,
    })
    if (fresh && calledAt === undefined) {
      const verdict = track.verdict()
      if (verdict.kind === 'leak') {
        calledAt = index
        atCall = verdict
      }
    }
  }
  return { calledAt, atCall, last: track.verdict() }
}

/** A standard normal number (Box and Muller). */
function normal(random: { next(): number }): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}
