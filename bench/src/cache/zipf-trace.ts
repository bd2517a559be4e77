// Reads as they come in life: a few keys all the time, most of them seldom. The key of rank r is read with a probability in proportion to 1 / r^exponent (Zipf's law):
// exponents of 0.6 to 1.2 were found in traces of web caches and key-value stores (Breslau et al., 1999; Yang et al., 2020).

export interface TraceOptions {
  /** Keys that there are; not every one has to be read. */
  readonly keys: number
  /** 0: all alike; the higher, the more the first ones have. */
  readonly exponent: number
  readonly reads: number
}

/** Keys by their rank, 0 the most read. Drawn beforehand, so that the draw isn't part of what is measured. */
export function zipfTrace({ keys, exponent, reads }: TraceOptions, random: { next(): number }): Uint32Array {
  const cumulated = new Float64Array(keys)
  let sum = 0
  for (let rank = 0; rank < keys; rank++) cumulated[rank] = sum += (rank + 1) ** -exponent
  return Uint32Array.from({ length: reads }, () => firstAbove(cumulated, random.next() * sum))
}

/** How many keys are read at all. */
export function distinctKeys(trace: Uint32Array): number {
  return new Set(trace).size
}

/** Index of the first value above; the last one when there's none. */
function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}
