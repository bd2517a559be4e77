// How long one request may take, and the signal that tells everything working for it to stop.
//
// States: running → answered → done (the answer was sent) | expired (time ran out) | abandoned (the client went away). Only the last two abort the signal.
//
// Fastify's own `request.signal` and `handlerTimeout` are not used: they end with the request's 'close' event, which comes as soon as a body has
// been read, so a POST handler would start with an aborted signal and without a time limit (seen with Fastify 5.12.8).
//
// All requests share one timer, which is set to the earliest of their ends. A timer for each would be set up, queued and taken down for nothing nearly every time, and
// those of a balancer's deadlines, each of another length, in a list of their own each.
import { ApiError } from '../errors.ts'

/** The part of a request's life that handlers see. */
/** Cause of the error with which a deadline ends because nobody waits, not because its time is up. */
export const CLIENT_LEFT = 'the client went away'

export interface Deadline {
  /** Aborts when the time is up or the client is gone; its reason is the error to answer with. */
  readonly signal: AbortSignal
  /** Milliseconds left, never below 0. */
  remainingMs(): number
}

/** At least so long from one look at all of them to the next; one that ends between is that much late at most. */
const LOOK_INTERVAL_MS = 5
/** Node's timers may come so much early. */
const EARLY_MS = 1

/** All deadlines of an application. */
export class Deadlines {
  readonly #clock: { now(): number }
  readonly #running = new Set<RequestDeadline>()
  #timer: NodeJS.Timeout | undefined
  /** When the timer comes. */
  #looksAt = Number.POSITIVE_INFINITY

  constructor(clock: { now(): number }) {
    this.#clock = clock
  }

  /**
   * Begins one; whoever has it calls `end` once.
   * @param timeoutMs from now
   * @param onExpired called when time is up, in a later turn than the signal aborts
   */
  begin(timeoutMs: number, onExpired: (error: ApiError) => void): RequestDeadline {
    const nowMs = this.#clock.now()
    const deadline = new RequestDeadline(this, nowMs + timeoutMs, onExpired)
    this.#running.add(deadline)
    if (deadline.endsAt < this.#looksAt) this.#lookAt(deadline.endsAt, nowMs)
    return deadline
  }

  nowMs(): number {
    return this.#clock.now()
  }

  forget(deadline: RequestDeadline): void {
    this.#running.delete(deadline)
  }

  #lookAt(atMs: number, nowMs: number): void {
    clearTimeout(this.#timer)
    this.#looksAt = atMs
    // A request that's worked on keeps the process alive by its connection.
    this.#timer = setTimeout(() => this.#look(), Math.ceil(atMs - nowMs)).unref()
  }

  #look(): void {
    const nowMs = this.#clock.now()
    let earliest = Number.POSITIVE_INFINITY
    for (const deadline of this.#running) {
      if (deadline.endsAt - nowMs < EARLY_MS) {
        this.#running.delete(deadline)
        deadline.expire()
      } else if (deadline.endsAt < earliest) earliest = deadline.endsAt
    }
    this.#looksAt = Number.POSITIVE_INFINITY
    if (earliest !== Number.POSITIVE_INFINITY) this.#lookAt(Math.max(earliest, nowMs + LOOK_INTERVAL_MS), nowMs)
  }
}

export class RequestDeadline implements Deadline {
  /** On the clock of all. */
  readonly endsAt: number
  readonly #all: Deadlines
  readonly #onExpired: (error: ApiError) => void
  #controller: AbortController | undefined
  #failure: ApiError | undefined
  #isAnswered = false

  constructor(all: Deadlines, endsAt: number, onExpired: (error: ApiError) => void) {
    this.#all = all
    this.endsAt = endsAt
    this.#onExpired = onExpired
  }

  /** Made when first asked for: most answers are ready before anybody wants to listen. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#failure) this.#controller.abort(this.#failure)
    }
    return this.#controller.signal
  }

  remainingMs(): number {
    return Math.max(0, this.endsAt - this.#all.nowMs())
  }

  /** Its answer is there, and only has to be sent: the time doesn't count any more. */
  answered(): void {
    this.#isAnswered = true
    this.#all.forget(this)
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** @param wasAnswered - false: the client went away before */
  end(wasAnswered: boolean): void {
    this.#all.forget(this)
    if (!wasAnswered)
      this.#abort(
        new ApiError('API_ERR_DEADLINE', 'The client went away before the answer was ready.', { cause: CLIENT_LEFT }),
      )
  }

  /** Its time is up. */
  expire(): void {
    const error = new ApiError('API_ERR_DEADLINE', 'The answer was not ready in time; try again later.', {
      retryAfterS: 1,
    })
    this.#abort(error)
    // A handler that heard the signal fails with this error in the same turn, and its answer is on the way; whoever didn't listen is answered for.
    setImmediate(() => this.#onExpired(error))
  }

  #abort(error: ApiError): void {
    if (this.#failure) return
    this.#failure = error
    this.#controller?.abort(error)
  }
}
