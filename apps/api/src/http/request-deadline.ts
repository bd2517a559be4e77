// How long one request may take, and the signal that tells everything working for it to stop.
//
// States: running → done (the answer was sent) | expired (time ran out) | abandoned (the client went away). Only the last two abort the signal.
//
// Fastify's own `request.signal` and `handlerTimeout` are not used: they end with the request's 'close' event, which comes as soon as a body has
// been read, so a POST handler would start with an aborted signal and without a time limit (seen with Fastify 5.12.8). The answer's 'close' event
// comes once, at the end, for every method and also when the client goes away.
import type { ServerResponse } from 'node:http'
import { ApiError } from '../errors.ts'

/** The part of a request's life that handlers see. */
export interface Deadline {
  /** Aborts when the time is up or the client is gone; its reason is the error to answer with. */
  readonly signal: AbortSignal
  /** Milliseconds left, never below 0. */
  remainingMs(): number
}

export interface DeadlineOptions {
  /** Time from now, in milliseconds. */
  readonly timeoutMs: number
  readonly clock: { now(): number }
  /** Called when time is up and nothing that heard the signal has answered. */
  readonly onExpired: (error: ApiError) => void
}

export class RequestDeadline implements Deadline {
  readonly #response: ServerResponse
  readonly #clock: { now(): number }
  readonly #endsAt: number
  readonly #onExpired: (error: ApiError) => void
  readonly #timer: NodeJS.Timeout
  #controller: AbortController | undefined
  #failure: ApiError | undefined

  constructor(response: ServerResponse, options: DeadlineOptions) {
    this.#response = response
    this.#clock = options.clock
    this.#endsAt = options.clock.now() + options.timeoutMs
    this.#onExpired = options.onExpired
    this.#timer = setTimeout(() => {
      this.#expire()
    }, options.timeoutMs)
    response.on('close', () => {
      clearTimeout(this.#timer)
      if (!response.writableEnded)
        this.#abort(new ApiError('API_ERR_DEADLINE', 'The client went away before the answer was ready.'))
    })
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
    return Math.max(0, this.#endsAt - this.#clock.now())
  }

  #expire(): void {
    const error = new ApiError('API_ERR_DEADLINE', 'The answer was not ready in time; try again later.', {
      retryAfterS: 1,
    })
    this.#abort(error)
    // A handler that heard the signal fails with this error in the same turn, and its answer is on the way; whoever didn't listen is answered for.
    setImmediate(() => {
      if (!this.#response.headersSent && !this.#response.destroyed) this.#onExpired(error)
    })
  }

  #abort(error: ApiError): void {
    if (this.#failure) return
    this.#failure = error
    this.#controller?.abort(error)
  }
}
