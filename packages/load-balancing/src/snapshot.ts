// The list that pickers choose from: checked once, then immutable, replaced whole.
//
// What's in it follows from the candidates' ids alone, or is a mere hint; all that pickers remember is in the candidates' PickState.
// The array of candidates is a copy that nobody writes to, but it isn't frozen: V8 (of Node 26) walks a frozen array by a generic path, and a
// weighted pick among 256 took twice as long and allocated 20 KB.
//
// A snapshot may be a part of another one: those of a list that are best for some of the requests. Both can be given to one picker in turn;
// what it works out for the whole list (what each reports, compared with the others) then isn't worked out anew at every change of list.
import type { Candidate, PickState } from './candidate.ts'
import { LoadBalancingError } from './errors.ts'
import { hashText } from './hash.ts'

/** An immutable list of candidates. Make one with {@link createSnapshot}. */
export interface Snapshot<C extends Candidate> {
  /** In the order given, which is the order of round-robin: keep it stable from one snapshot to the next. */
  readonly candidates: readonly C[]
  /** The candidates of the list that this one is a part of; its own where it's no part. */
  readonly whole: readonly C[]
  /** Two independent 32-bit hashes of each candidate's id, side by side: one alone would collide in a large fleet sooner or later. */
  readonly idHashes: Int32Array
  /** The largest weight when the snapshot was made: a hint for draws, which weights may outgrow. */
  readonly maxWeight: number
}

const FIRST_ID_SEED = 0x3c6ef372
const SECOND_ID_SEED = 0x1f83d9ab

/**
 * Checks a list of candidates and freezes a copy of it; an empty one is fine. `partOf`: the list that these were taken from, for a part.
 * @throws LoadBalancingError `LOAD_BALANCING_ERR_CANDIDATE` for an empty id, a weight that isn't above 0 and finite, or a limit below 0;
 *   `LOAD_BALANCING_ERR_DUPLICATE` for an id, or a PickState, that two of them have.
 */
export function createSnapshot<C extends Candidate>(
  candidates: readonly C[],
  partOf: Snapshot<C> | null = null,
): Snapshot<C> {
  const ids = new Set<string>()
  const states = new Map<PickState, string>()
  const idHashes = new Int32Array(candidates.length * 2)
  let maxWeight = 0
  for (const [index, candidate] of candidates.entries()) {
    const { id, weight, pick } = candidate
    check(candidate)
    if (ids.has(id)) {
      throw new LoadBalancingError(
        'LOAD_BALANCING_ERR_DUPLICATE',
        `Two candidates have the id "${id}"; it would get twice its share. Name each once.`,
      )
    }
    const sharer = states.get(pick)
    if (sharer !== undefined) {
      throw new LoadBalancingError(
        'LOAD_BALANCING_ERR_DUPLICATE',
        `The candidates "${sharer}" and "${id}" share one PickState; give each a new PickState().`,
      )
    }
    ids.add(id)
    states.set(pick, id)
    idHashes[index * 2] = hashText(id, FIRST_ID_SEED)
    idHashes[index * 2 + 1] = hashText(id, SECOND_ID_SEED)
    maxWeight = Math.max(maxWeight, weight)
  }
  const copy = [...candidates]
  return Object.freeze({ candidates: copy, whole: partOf === null ? copy : partOf.whole, idHashes, maxWeight })
}

function check({ id, weight, maxRequests }: Candidate): void {
  const fault =
    id === ''
      ? 'its id is empty'
      : !(weight > 0 && weight < Infinity)
        ? `its weight is ${weight}; it has to be above 0 and finite (a server that should get nothing is left out)`
        : !(maxRequests >= 0)
          ? `its maxRequests is ${maxRequests}; it has to be 0 or more (Infinity: no limit)`
          : null
  if (fault !== null)
    throw new LoadBalancingError('LOAD_BALANCING_ERR_CANDIDATE', `The candidate "${id}" can't be picked: ${fault}.`)
}
