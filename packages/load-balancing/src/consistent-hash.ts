// Consistent hash: a key goes to the same candidate for as long as that one is there and not overloaded.
//
// Weighted rendezvous: for each key every candidate draws a number in (0, 1) from the hashes of key and id, and the least −ln(1 − draw) / weight wins.
// The ranking of the candidates is the order in which retries and overload walk on. Losers, with figures for 16 and 256 candidates from
// test/long/consistent-hash-choice.long.ts:
// * A ring with 160 points per candidate: the busiest one gets 1.10 and 1.22 of its share. Each change of a weight rebuilds the points (7 and
//   60 ms), and slow start changes weights all the time; here they're read at the pick.
// * Maglev (65,537 entries): when one leaves, 0.3 % and 0.7 % of all keys move that needn't, and each change builds the table anew (20 ms).
// Rendezvous moves no key that needn't, spreads as evenly as chance (1.01 and 1.08) and keeps no table; a weight that grows only draws keys to
// its own candidate. Its price is the time of a pick, 0.4 and 3 µs instead of 0.1 to 0.4, for a request that costs 10 µs at least.
//
// Bounded load (Mirrokni, Thorup, Zadimoghaddam, 2016): a candidate takes a request only while it has fewer in flight than loadFactor × its
// share of all, this one included; else the key's next one is asked. Candidates that may not be picked are left out of the sum, and so
// there's always one below its bound.
// @hot
import { mayTake, type Candidate } from './candidate.ts'
import { drawOf, hashOfKey, type HashKey } from './hash.ts'
import type { LeastConnections } from './least-connections.ts'
import type { PickerOptions } from './options.ts'
import { UnlearningPicker } from './picker.ts'
import type { Snapshot } from './snapshot.ts'

export class ConsistentHash<C extends Candidate> extends UnlearningPicker<C> {
  readonly strategy = 'consistent-hash'
  readonly #seed: number
  readonly #loadFactor: number
  /** Requests per weight that a candidate has to stay below in the walk under way. A field, since as a parameter V8 makes an object of it. */
  #bound = Infinity
  /** For requests without a key. */
  readonly #withoutKey: LeastConnections<C>

  constructor(withoutKey: LeastConnections<C>, options: PickerOptions) {
    super()
    this.#withoutKey = withoutKey
    this.#seed = options.hashSeed
    this.#loadFactor = options.hashLoadFactor
  }

  pick(snapshot: Snapshot<C>, tried: readonly C[], hashKey?: HashKey): C | null {
    if (hashKey === undefined) return this.#withoutKey.pick(snapshot, tried)
    const keyHash = hashOfKey(hashKey, this.#seed)
    this.#bound = Infinity
    const best = this.#best(snapshot, tried, keyHash)
    if (best === null || best.activeRequests === 0) return best
    this.#bound = mostPerWeight(snapshot.candidates, tried, this.#loadFactor)
    // Nearly always the first is below its bound.
    if (best.activeRequests < this.#bound * best.weight) return best
    return this.#best(snapshot, tried, keyHash) ?? best
  }

  /** Its rank for the key, the least is preferred; Infinity beyond its bound. Without a key: requests in flight per weight. */
  score(snapshot: Snapshot<C>, candidate: C, hashKey?: HashKey): number {
    if (hashKey === undefined) return this.#withoutKey.score(snapshot, candidate)
    const index = snapshot.candidates.indexOf(candidate)
    const draw = drawFor(snapshot.idHashes, index, hashOfKey(hashKey, this.#seed))
    const isBelow =
      candidate.activeRequests < mostPerWeight(snapshot.candidates, [], this.#loadFactor) * candidate.weight
    return isBelow ? -Math.log1p(-draw) / candidate.weight : Infinity
  }

  /** The first for the key of those that may take a request and have fewer in flight than their bound. */
  #best({ candidates, idHashes }: Snapshot<C>, tried: readonly C[], keyHash: number): C | null {
    const bound = this.#bound
    let best: C | null = null
    let bestRank = Infinity
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index] as C
      const draw = drawFor(idHashes, index, keyHash)
      // −ln(1 − draw) is never below draw, so most candidates lose here, without a logarithm and before anything else is looked at.
      if (draw > bestRank * candidate.weight) continue
      if (!mayTake(candidate, tried) || candidate.activeRequests >= bound * candidate.weight) continue
      const rank = -Math.log1p(-draw) / candidate.weight
      if (rank < bestRank) {
        best = candidate
        bestRank = rank
      }
    }
    return best
  }
}

/** Requests per weight that a candidate has to stay below to take one more. */
function mostPerWeight<C extends Candidate>(candidates: readonly C[], tried: readonly C[], loadFactor: number): number {
  let active = 1
  let weights = 0
  for (const candidate of candidates) {
    if (!mayTake(candidate, tried)) continue
    active += candidate.activeRequests
    weights += candidate.weight
  }
  return (loadFactor * active) / weights
}

function drawFor(idHashes: Int32Array, index: number, keyHash: number): number {
  return drawOf(keyHash, idHashes[index * 2] as number, idHashes[index * 2 + 1] as number)
}
