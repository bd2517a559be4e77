// The most hits that any cache of a size can have on a trace: Belady's MIN, which knows the future and gives up what is read again latest (Belady, 1966; Mattson et al.,
// 1970). What's just been loaded counts among what may be given up, as a cache needn't keep what it loads; so this is a bound for every policy, those with an
// admission filter included.
//
// Two values that are kept are never read next at the same place of the trace. So they're kept as those places, whole numbers below its length, in a set that knows
// its largest (place-set.ts), and no heap with outdated entries is needed.
import { PlaceSet } from './place-set.ts'

/** How many reads of the trace are hits with so many entries. */
export function optimalHits(trace: Uint32Array, entries: number): number {
  const nextReads = nextReadsOf(trace)
  return hitsWith(trace, nextReads, entries)
}

/** The same for several sizes of one trace. */
export class Optimum {
  readonly #trace: Uint32Array
  readonly #nextReads: Uint32Array
  readonly #known = new Map<number, number>()

  constructor(trace: Uint32Array) {
    this.#trace = trace
    this.#nextReads = nextReadsOf(trace)
  }

  hits(entries: number): number {
    let hits = this.#known.get(entries)
    if (hits === undefined) this.#known.set(entries, (hits = hitsWith(this.#trace, this.#nextReads, entries)))
    return hits
  }

  /** The fewest entries with so many hits; undefined when no number of them is enough. More entries never have fewer hits. */
  fewestEntries(wantedHits: number, atMost: number): number | undefined {
    if (this.hits(atMost) < wantedHits) return undefined
    let low = 0
    let high = atMost
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.hits(middle) >= wantedHits) high = middle
      else low = middle
    }
    return high
  }
}

function hitsWith(trace: Uint32Array, nextReads: Uint32Array, entries: number): number {
  if (entries === 0) return 0
  const never = trace.length
  const kept = new PlaceSet(never)
  let hits = 0
  for (let place = 0; place < never; place++) {
    const next = nextReads[place] as number
    // Kept values are known by the place at which they're read next: this one.
    if (kept.delete(place)) hits++
    if (next === never) continue
    if (kept.size < entries) kept.add(next)
    else if (kept.largest() > next) {
      kept.delete(kept.largest())
      kept.add(next)
    }
  }
  return hits
}

/** Of each read, at which place the same key is read again; the trace's length when it isn't. */
function nextReadsOf(trace: Uint32Array): Uint32Array {
  const nextReads = new Uint32Array(trace.length)
  const following = new Map<number, number>()
  for (let place = trace.length - 1; place >= 0; place--) {
    const key = trace[place] as number
    nextReads[place] = following.get(key) ?? trace.length
    following.set(key, place)
  }
  return nextReads
}
