// The circuit of one endpoint: whether what was seen of its requests lets it take more.
//
//   closed ──`open` (too many failures; the outlier detector allows it)──► open ──time over, or evidence──► half-open
//      ▲                                                                    ▲                                  │
//      │                                                                    └────────── the probe failed ──────┤
//      └────────────────────────────────── the probe went well ────────────────────────────────────────────────┘
//
// Invariants
// * In half-open there's never more than one request under way that counts: the probe. What was sent before the circuit opened says
//   nothing about now, and is ignored.
// * The n-th opening in a row lasts n × `baseMs`, at most `maxMs`; each `baseMs` in closed takes one off the row.
// * A window that has led to an opening is forgotten: old failures don't open it a second time.
import { OutcomeWindow } from './outcome-window.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

/** What opened a circuit; it decides what counts as evidence that the endpoint is back. */
export type CircuitCause = 'failures' | 'success-ratio' | 'stalled' | 'connect' | 'probe'

export interface CircuitOptions {
  /** Failures in a row that open it; 0: any number is borne. */
  readonly consecutiveFailures: number
  /** Part of the requests in the window that has to go well, 0-1; 0: none has to. */
  readonly minSuccessRatio: number
  /** Requests in the window below which the ratio says nothing. */
  readonly minRequests: number
  readonly windowMs: number
  readonly baseMs: number
  readonly maxMs: number
}

/** What's wrong, as a cause and as a sentence for people. */
export interface Trip {
  readonly cause: CircuitCause
  readonly reason: string
}

/** A probe goes to a request that can be repeated elsewhere; when none comes for so long, to any. */
const PATIENCE_FOR_REPEATABLE_MS = 1000

export class CircuitBreaker {
  #options: CircuitOptions
  #window: OutcomeWindow
  #state: CircuitState = 'closed'
  #trip: Trip | null = null
  #consecutive = 0
  /** Of those in the row, the ones that could not even connect. */
  #unconnected = 0
  #opensInRow = 0
  #openUntilMs = 0
  #closedAtMs = 0
  #halfOpenSinceMs = 0
  #isProbing = false
  /** How often it has opened. */
  opensTotal = 0

  constructor(options: CircuitOptions) {
    this.#options = options
    this.#window = new OutcomeWindow(options.windowMs)
  }

  get state(): CircuitState {
    return this.#state
  }

  /** Why it's open or half-open; null when it's closed. */
  get trip(): Trip | null {
    return this.#trip
  }

  /** How often in a row it has opened, the present time included. */
  get opensInRow(): number {
    return this.#opensInRow
  }

  /** The probe is under way: what becomes of the circuit is for it to say. */
  get isProbing(): boolean {
    return this.#isProbing
  }

  /** Time until it's half-open; 0 when it isn't open. */
  openForMs(nowMs: number): number {
    return this.#state === 'open' ? Math.max(0, this.#openUntilMs - nowMs) : 0
  }

  /** Takes other numbers from now on; the state stays. */
  configure(options: CircuitOptions): void {
    if (options.windowMs !== this.#options.windowMs) this.#window = new OutcomeWindow(options.windowMs)
    this.#options = options
  }

  /** Counts a request while it's closed. Returns why it should open, or null. `connected`: it was sent, at least in part. */
  record(ok: boolean, nowMs: number, connected = true): Trip | null {
    if (this.#state !== 'closed') return null
    this.#window.add(ok, nowMs)
    if (ok) {
      this.#consecutive = 0
      this.#unconnected = 0
      return null
    }
    this.#consecutive++
    if (!connected) this.#unconnected++
    const { consecutiveFailures, minSuccessRatio, minRequests, windowMs } = this.#options
    if (consecutiveFailures > 0 && this.#consecutive >= consecutiveFailures) {
      if (this.#unconnected === this.#consecutive)
        return { cause: 'connect', reason: `${this.#consecutive} requests in a row could not connect` }
      return { cause: 'failures', reason: `${this.#consecutive} requests failed in a row` }
    }
    const failed = this.#window.failedCount(nowMs)
    const total = failed + this.#window.okCount(nowMs)
    if (total < minRequests || total - failed >= total * minSuccessRatio) return null
    return { cause: 'success-ratio', reason: `${failed} of ${total} requests failed within ${windowMs / 1000} s` }
  }

  open(trip: Trip, nowMs: number): void {
    const { baseMs, maxMs } = this.#options
    const forgiven = this.#state === 'closed' ? Math.floor((nowMs - this.#closedAtMs) / baseMs) : 0
    this.#opensInRow = Math.max(0, this.#opensInRow - forgiven) + 1
    this.#state = 'open'
    this.#trip = trip
    this.#openUntilMs = nowMs + Math.min(this.#opensInRow * baseMs, maxMs)
    this.#isProbing = false
    this.#forget()
    this.opensTotal++
  }

  /** Open, and its time is over. */
  isDue(nowMs: number): boolean {
    return this.#state === 'open' && nowMs >= this.#openUntilMs
  }

  /** Asks for a probe: the time is over, or there's evidence that the endpoint is back. */
  halfOpen(nowMs: number): void {
    if (this.#state !== 'open') return
    this.#state = 'half-open'
    this.#halfOpenSinceMs = nowMs
    this.#isProbing = false
  }

  /** Takes the one place for a probe. `repeatable`: the request can be sent elsewhere if this fails. */
  tryProbe(repeatable: boolean, nowMs: number): boolean {
    if (this.#state !== 'half-open' || this.#isProbing) return false
    if (!repeatable && nowMs - this.#halfOpenSinceMs < PATIENCE_FOR_REPEATABLE_MS) return false
    this.#isProbing = true
    return true
  }

  /** The probe's request ended without a word about the endpoint: its client left. The next one is the probe. */
  probeGaveNoAnswer(): void {
    this.#isProbing = false
  }

  probeFailed(reason: string, nowMs: number): void {
    if (this.#state === 'half-open' && this.#isProbing)
      this.open({ cause: 'probe', reason: `its probe failed: ${reason}` }, nowMs)
  }

  close(nowMs: number): void {
    this.#state = 'closed'
    this.#trip = null
    this.#isProbing = false
    this.#closedAtMs = nowMs
    this.#forget()
  }

  #forget(): void {
    this.#window.clear()
    this.#consecutive = 0
    this.#unconnected = 0
  }
}
