// How many hits an LRU cache has on a trace, for every size at once (Mattson et al., 1970): a read is a hit of every cache that's larger than the number of other keys
// that were read since the key's last read.
//
// That number is the count of keys whose latest read lies after it; a Fenwick tree over the trace's places counts them in log(reads) steps.

export class LruCurve {
  readonly reads: number
  /** How many keys were read: these reads are misses in every cache. */
  readonly distinct: number
  /** With so many entries, so many hits; its last value holds for all larger ones. */
  readonly #hits: Uint32Array

  constructor(trace: Uint32Array) {
    this.reads = trace.length
    const latest = new Map<number, number>()
    const marks = new FenwickTree(trace.length)
    // By the least number of entries that makes the read a hit.
    const hitsFrom = new Uint32Array(trace.length + 1)
    for (let place = 0; place < trace.length; place++) {
      const key = trace[place] as number
      const before = latest.get(key)
      if (before !== undefined) {
        // The key's own mark is the one at `before`.
        const entries = latest.size - marks.upTo(before) + 1
        hitsFrom[entries] = (hitsFrom[entries] as number) + 1
        marks.add(before, -1)
      }
      marks.add(place, 1)
      latest.set(key, place)
    }
    this.distinct = latest.size
    let hits = 0
    this.#hits = Uint32Array.from({ length: this.distinct + 1 }, (_, entries) => (hits += hitsFrom[entries] as number))
  }

  hits(entries: number): number {
    return this.#hits[Math.min(entries, this.distinct)] as number
  }

  /** The fewest entries with so many hits; undefined when no number of them is enough. */
  fewestEntries(wantedHits: number): number | undefined {
    const found = this.#hits.findIndex(hits => hits >= wantedHits)
    return found < 0 ? undefined : found
  }
}

/** Counts with sums of all up to one, in logarithmic time (Fenwick, 1994). Node i, from 1, has the sum of the last (i & -i) counts up to i. */
class FenwickTree {
  readonly #nodes: Int32Array

  constructor(length: number) {
    this.#nodes = new Int32Array(length + 1)
  }

  add(place: number, change: number): void {
    for (let node = place + 1; node < this.#nodes.length; node += node & -node) {
      this.#nodes[node] = (this.#nodes[node] as number) + change
    }
  }

  /** Of all places up to this one, itself included. */
  upTo(place: number): number {
    let sum = 0
    for (let node = place + 1; node > 0; node -= node & -node) sum += this.#nodes[node] as number
    return sum
  }
}
