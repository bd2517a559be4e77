// The last decisions of the balancer: who could have taken a request, by which figures one was chosen, and how that try ended. @hot
//
//   slot:   requestId  try  strategy  kind  chosen │ candidates 0..15: id score weight active │ left out 0..15: id why │ outcome
//   ring:   [0] [1] ... [size - 1], `begin` takes the next one, whatever it held
//
//   slot:   ──begin──► under way ──end──► ended          both may be overwritten by the next `begin` that comes round
//
// Invariants
// * Everything is allocated by the constructor: numbers in typed arrays, ids of requests as bytes. Recording stores numbers, and references to
//   strings that the caller has anyway (ids of endpoints, constants).
// * Nothing of a client is kept alive: an id is copied byte by byte, at most `MAX_ID_LENGTH` of it, since a slice of a string would keep
//   the whole string it was cut from. A detail longer than `MAX_DETAIL_LENGTH` is copied too; that's for failures only.
// * `begin` gives out a handle; a call with the handle of a slot that has been overwritten since does nothing.
// * What's beyond `MAX_LISTED` is counted, and not listed.
import type { DecisionView } from '../admin/admin-views.ts'

export type DecisionKind = DecisionView['kind']

/** Candidates, and endpoints left out, that are listed of one decision. */
export const MAX_LISTED = 16
/** Characters of a request's id that are kept; those of trusted peers are at most as long. */
export const MAX_ID_LENGTH = 128
/** Characters of a failure's detail that are kept. */
const MAX_DETAIL_LENGTH = 512
/** Handles are small integers, which take no memory of their own. */
const MAX_HANDLE = 2 ** 30

export interface DecisionLogOptions {
  /** Decisions that are kept. */
  readonly size: number
  /** Wall-clock milliseconds at 0 of the clock that `begin` is given: `Date.now() - clock.now()`. */
  readonly epochMs: number
}

export class DecisionLog {
  readonly size: number
  readonly #epochMs: number
  /** Handles go round at a multiple of `size`, so that `handle % size` is always the slot. */
  readonly #handles: number
  #next = 0

  // ——— one entry per slot ———
  /** -1: never used. */
  readonly #handleOf: Int32Array
  readonly #ids: Uint8Array
  readonly #idLength: Uint8Array
  readonly #tryNumber: Uint16Array
  readonly #atMs: Float64Array
  readonly #candidateCount: Uint32Array
  readonly #leftOutCount: Uint32Array
  readonly #strategy: string[]
  readonly #kind: DecisionKind[]
  readonly #chosen: (string | null)[]
  readonly #status: Uint16Array
  /** Null: under way. */
  readonly #end: (string | null)[]
  readonly #errorCode: (string | null)[]
  readonly #errorDetail: (string | null)[]
  readonly #cause: (string | null)[]
  readonly #notRetriedBecause: (string | null)[]

  // ——— `MAX_LISTED` entries per slot ———
  readonly #candidateId: string[]
  readonly #score: Float64Array
  readonly #weight: Float64Array
  readonly #activeRequests: Uint32Array
  readonly #leftOutId: string[]
  readonly #leftOutWhy: string[]

  constructor({ size, epochMs }: DecisionLogOptions) {
    this.size = size
    this.#epochMs = epochMs
    this.#handles = Math.floor(MAX_HANDLE / size) * size
    this.#handleOf = new Int32Array(size).fill(-1)
    this.#ids = new Uint8Array(size * MAX_ID_LENGTH)
    this.#idLength = new Uint8Array(size)
    this.#tryNumber = new Uint16Array(size)
    this.#atMs = new Float64Array(size)
    this.#candidateCount = new Uint32Array(size)
    this.#leftOutCount = new Uint32Array(size)
    this.#strategy = listOf<string>(size, '')
    this.#kind = listOf<DecisionKind>(size, 'none')
    this.#chosen = listOf<string | null>(size, null)
    this.#status = new Uint16Array(size)
    this.#end = listOf<string | null>(size, null)
    this.#errorCode = listOf<string | null>(size, null)
    this.#errorDetail = listOf<string | null>(size, null)
    this.#cause = listOf<string | null>(size, null)
    this.#notRetriedBecause = listOf<string | null>(size, null)
    this.#candidateId = listOf<string>(size * MAX_LISTED, '')
    this.#score = new Float64Array(size * MAX_LISTED)
    this.#weight = new Float64Array(size * MAX_LISTED)
    this.#activeRequests = new Uint32Array(size * MAX_LISTED)
    this.#leftOutId = listOf<string>(size * MAX_LISTED, '')
    this.#leftOutWhy = listOf<string>(size * MAX_LISTED, '')
  }

  // ——— recording ———

  /**
   * Begins the record of one try; gives the handle that the other calls need. `strategy` is a constant, `kind` what it is without a choice.
   */
  begin(requestId: string, tryNumber: number, nowMs: number, strategy: string, kind: DecisionKind = 'none'): number {
    const handle = this.#next
    this.#next = handle + 1 === this.#handles ? 0 : handle + 1
    const slot = handle % this.size
    this.#handleOf[slot] = handle
    this.#writeId(slot, requestId)
    this.#tryNumber[slot] = tryNumber
    this.#atMs[slot] = nowMs
    this.#candidateCount[slot] = 0
    this.#leftOutCount[slot] = 0
    this.#strategy[slot] = strategy
    this.#kind[slot] = kind
    this.#chosen[slot] = null
    this.#end[slot] = null
    return handle
  }

  /** An endpoint that could have been chosen. `score` is the strategy's figure, NaN when it has none. */
  candidate(handle: number, id: string, score: number, weight: number, activeRequests: number): void {
    const slot = handle % this.size
    if (this.#handleOf[slot] !== handle) return
    const index = this.#candidateCount[slot]!++
    if (index >= MAX_LISTED) return
    const at = slot * MAX_LISTED + index
    this.#candidateId[at] = id
    this.#score[at] = score
    this.#weight[at] = weight
    this.#activeRequests[at] = activeRequests
  }

  /** An endpoint that couldn't be chosen. `why` should be a string that exists anyway: a new one per call costs memory. */
  leftOut(handle: number, id: string, why: string): void {
    const slot = handle % this.size
    if (this.#handleOf[slot] !== handle) return
    const index = this.#leftOutCount[slot]!++
    if (index >= MAX_LISTED) return
    const at = slot * MAX_LISTED + index
    this.#leftOutId[at] = id
    this.#leftOutWhy[at] = why
  }

  /** What was decided; without this call nobody was chosen. */
  choose(handle: number, kind: DecisionKind, id: string): void {
    const slot = handle % this.size
    if (this.#handleOf[slot] !== handle) return
    this.#kind[slot] = kind
    this.#chosen[slot] = id
  }

  /**
   * How the try ended; the first call counts. `status` 0: no answer. `end` is a constant; `cause` is the code of what lies behind a
   * failure, `notRetriedBecause` why it wasn't sent again.
   */
  end(
    handle: number,
    status: number,
    end: string,
    errorCode: string | null,
    errorDetail: string | null,
    cause: string | null,
    notRetriedBecause: string | null,
  ): void {
    const slot = handle % this.size
    if (this.#handleOf[slot] !== handle || this.#end[slot] !== null) return
    this.#status[slot] = status
    this.#end[slot] = end
    this.#errorCode[slot] = errorCode
    this.#errorDetail[slot] = bounded(errorDetail)
    this.#cause[slot] = bounded(cause)
    this.#notRetriedBecause[slot] = notRetriedBecause
  }

  #writeId(slot: number, id: string): void {
    const length = Math.min(id.length, MAX_ID_LENGTH)
    const start = slot * MAX_ID_LENGTH
    // By hand: ids are short, and a call into the runtime costs more than the loop. They're ASCII; anything else would lose its high bits.
    for (let i = 0; i < length; i++) this.#ids[start + i] = id.charCodeAt(i)
    this.#idLength[slot] = length
  }

  // ——— reading ———

  /** The tries of a request, oldest first. An id of more than `MAX_ID_LENGTH` characters is known by its beginning. */
  find(requestId: string): DecisionView[] {
    const wanted = Buffer.from(requestId.slice(0, MAX_ID_LENGTH), 'latin1')
    const found: DecisionView[] = []
    this.#walk(slot => {
      if (wanted.equals(this.#idBytes(slot))) found.push(this.#view(slot))
      return true
    })
    return found.toReversed()
  }

  /** The last decisions, newest first. */
  latest(limit: number): DecisionView[] {
    const found: DecisionView[] = []
    if (limit > 0) this.#walk(slot => found.push(this.#view(slot)) < limit)
    return found
  }

  /** Visits slots that are used, newest first, as long as `visit` says so. */
  #walk(visit: (slot: number) => boolean): void {
    for (let back = 1; back <= this.size; back++) {
      const slot = (this.#next - back + this.#handles) % this.size
      if (this.#handleOf[slot] === -1 || !visit(slot)) return
    }
  }

  #idBytes(slot: number): Uint8Array {
    const start = slot * MAX_ID_LENGTH
    return this.#ids.subarray(start, start + this.#idLength[slot]!)
  }

  #view(slot: number): DecisionView {
    const candidateCount = this.#candidateCount[slot]!
    const leftOutCount = this.#leftOutCount[slot]!
    const from = slot * MAX_LISTED
    const listed = (count: number) => Array.from({ length: Math.min(count, MAX_LISTED) }, (_, i) => from + i)
    const end = this.#end[slot]!
    return {
      requestId: Buffer.from(this.#idBytes(slot)).toString('latin1'),
      atIso: new Date(this.#epochMs + this.#atMs[slot]!).toISOString(),
      tryNumber: this.#tryNumber[slot]!,
      strategy: this.#strategy[slot]!,
      kind: this.#kind[slot]!,
      chosen: this.#chosen[slot]!,
      candidates: listed(candidateCount).map(at => ({
        id: this.#candidateId[at]!,
        score: Number.isFinite(this.#score[at]) ? this.#score[at]! : null,
        weight: this.#weight[at]!,
        activeRequests: this.#activeRequests[at]!,
      })),
      candidateCount,
      leftOut: listed(leftOutCount).map(at => ({ id: this.#leftOutId[at]!, why: this.#leftOutWhy[at]! })),
      leftOutCount,
      outcome:
        end === null
          ? null
          : {
              status: this.#status[slot]!,
              end,
              errorCode: this.#errorCode[slot]!,
              errorDetail: this.#errorDetail[slot]!,
              cause: this.#cause[slot]!,
              notRetriedBecause: this.#notRetriedBecause[slot]!,
            },
    }
  }
}

/** A list whose elements are all there, so that none is added later. */
function listOf<T>(length: number, value: T): T[] {
  return Array.from({ length }, () => value)
}

/** Short texts as they are; of a long one the beginning, as a string of its own. */
function bounded(text: string | null): string | null {
  if (text === null || text.length <= MAX_DETAIL_LENGTH) return text
  return Buffer.from(text.slice(0, MAX_DETAIL_LENGTH), 'utf8').toString()
}
