// What the rule is measured on: heaps that don't leak in ten ways, and heaps that do. 512 MiB limit, a major collection every 10 s.
import type { SimulatedHeap } from './simulated-heap.ts'

export interface SimulatedCase {
  readonly name: string
  readonly heap: SimulatedHeap
}

const DAY = 8640

/** From 20 to 180, with fluctuations that the heap follows as well. */
function dailyLoad(index: number): number {
  return 100 - 80 * Math.cos((2 * Math.PI * index) / DAY) + 8 * Math.sin(index * 1.7)
}

function noLeak(name: string, heap: Partial<SimulatedHeap> & Pick<SimulatedHeap, 'noiseMib' | 'live'>): SimulatedCase {
  return { name, heap: { collections: 600, ...heap } }
}

function leak(
  name: string,
  mibPerCollection: number,
  heap: Partial<SimulatedHeap> & { noiseMib: number },
): SimulatedCase {
  const { live = (): number => 100, ...rest } = heap
  // As many collections as it takes to come within 12 MiB of the limit.
  const collections = Math.floor(400 / mibPerCollection)
  return { name, heap: { collections, ...rest, live: index => live(index) + mibPerCollection * index } }
}

export const FALSE_ALARM_CASES: readonly SimulatedCase[] = [
  noLeak('white noise 5 MiB', { noiseMib: 5, live: () => 100 }),
  noLeak('white noise 20 MiB', { noiseMib: 20, live: () => 100 }),
  noLeak('noise 5 MiB, correlation 0.7', { noiseMib: 5, correlation: 0.7, live: () => 100 }),
  noLeak('noise 10 MiB, correlation 0.9', { noiseMib: 10, correlation: 0.9, live: () => 100 }),
  noLeak('noise 20 MiB, correlation 0.97', { noiseMib: 20, correlation: 0.97, live: () => 100 }),
  noLeak('spikes', { noiseMib: 3, spikeEvery: 8, live: () => 100 }),
  noLeak('warm-up 40 MiB, within a minute', {
    noiseMib: 3,
    correlation: 0.5,
    live: index => 100 + 40 * (1 - Math.exp(-index / 6)),
  }),
  noLeak('warm-up 150 MiB, within 17 minutes', {
    noiseMib: 3,
    correlation: 0.5,
    live: index => 60 + 150 * (1 - Math.exp(-index / 100)),
  }),
  noLeak('warm-up 150 MiB, within 50 minutes', {
    noiseMib: 3,
    correlation: 0.5,
    live: index => 60 + 150 * (1 - Math.exp(-index / 300)),
  }),
  noLeak('even fill by 30 MiB', { noiseMib: 3, live: index => 100 + 30 * Math.min(1, index / 60) }),
  noLeak('one step of 80 MiB', { noiseMib: 5, correlation: 0.5, live: index => (index < 300 ? 100 : 180) }),
  noLeak('two steps of 40 MiB', {
    noiseMib: 3,
    correlation: 0.5,
    live: index => 100 + (index > 300 ? 40 : 0) + (index > 330 ? 40 : 0),
  }),
  noLeak('bursts of 100 MiB that rise for 7 minutes and end', {
    noiseMib: 5,
    correlation: 0.5,
    live: index => 100 + 2.5 * Math.max(0, (index % 300) - 260),
  }),
  noLeak('sawtooth of 60 MiB', { noiseMib: 3, live: index => 100 + 3 * (index % 20) }),
  noLeak('a day with load from 130 to 370 MiB, load given', {
    noiseMib: 5,
    correlation: 0.5,
    collections: DAY / 2,
    live: index => 100 + 1.5 * dailyLoad(index),
    load: dailyLoad,
  }),
]

/** Called leaks, as they must be while only memory is looked at; but none of them is near enough to be recycled for. */
export const WARNING_CASES: readonly SimulatedCase[] = [
  noLeak('a day with load from 110 to 190 MiB, load not given', {
    noiseMib: 5,
    correlation: 0.5,
    collections: DAY / 2,
    live: index => 150 - 40 * Math.cos((2 * Math.PI * index) / DAY),
  }),
]

export const LEAK_CASES: readonly SimulatedCase[] = [
  leak('leak 12 MiB/min, noise 5 MiB', 2, { noiseMib: 5, correlation: 0.5 }),
  leak('leak 6 MiB/min, noise 5 MiB', 1, { noiseMib: 5, correlation: 0.5 }),
  leak('leak 6 MiB/min, noise 20 MiB', 1, { noiseMib: 20, correlation: 0.5 }),
  leak('leak 3 MiB/min, noise 5 MiB', 0.5, { noiseMib: 5, correlation: 0.5 }),
  leak('leak 3 MiB/min, noise 1 MiB', 0.5, { noiseMib: 1, correlation: 0.5 }),
  leak('leak 3 MiB/min after a warm-up of 40 MiB', 0.45, {
    noiseMib: 3,
    correlation: 0.5,
    live: index => 100 + 40 * (1 - Math.exp(-index / 6)),
  }),
  leak('leak 1.2 MiB/min, noise 5 MiB', 0.2, { noiseMib: 5, correlation: 0.5 }),
  leak('leak 1.2 MiB/min that follows the traffic', 0.2, {
    noiseMib: 2,
    correlation: 0.5,
    live: index => 100 + 10 * Math.sin(index / 60),
  }),
  leak('leak 0.6 MiB/min, noise 5 MiB', 0.1, { noiseMib: 5, correlation: 0.5 }),
]
