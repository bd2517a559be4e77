// A worker's question for the fleet: asked once for all who want to know at the same time, and never waited for without end.
//
//   ┌──────┐ figures() ┌──────┐ answer, time-out, channel closed
//   │ idle │ ────────► │ open │ ─────────────────────────────────► idle
//   └──────┘           └──────┘
//
// Invariants
// * One question is open at most; who wants to know meanwhile joins it.
// * Only the answer with the open question's number settles it: one that comes too late changes nothing.
// * Once the channel is closed there's nobody to ask, and every call says so at once.
import type { Clock } from './clock.ts'
import { FleetFiguresError } from './errors.ts'
import { parseFleetFigures, type FleetFigures } from './fleet-figures.ts'

interface OpenQuestion {
  readonly ask: number
  readonly promise: Promise<FleetFigures>
  readonly resolve: (figures: FleetFigures) => void
  readonly reject: (error: Error) => void
  readonly cancelLimit: () => void
}

export class FleetQuestion {
  readonly #send: (ask: number) => void
  readonly #clock: Clock
  readonly #timeoutMs: number
  #asked = 0
  #open: OpenQuestion | null = null
  #isClosed = false

  constructor(send: (ask: number) => void, clock: Clock, timeoutMs: number) {
    this.#send = send
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** @throws SUPERVISOR_ERR_FLEET_FIGURES */
  figures(): Promise<FleetFigures> {
    if (this.#isClosed) return Promise.reject(new FleetFiguresError('its channel is closed'))
    if (this.#open !== null) return this.#open.promise
    const ask = ++this.#asked
    const cancelLimit = this.#clock.after(this.#timeoutMs, () => this.#fail(`no answer within ${this.#timeoutMs} ms`))
    this.#open = { ask, ...Promise.withResolvers<FleetFigures>(), cancelLimit }
    const { promise } = this.#open
    this.#send(ask)
    return promise
  }

  /** An answer has come. */
  answered(ask: number, value: unknown, error: string | null): void {
    if (this.#open?.ask !== ask) return
    const figures = error === null ? parseFleetFigures(value) : null
    if (figures === null) this.#fail(error ?? "its answer isn't of the form that this version knows")
    else this.#take().resolve(figures)
  }

  /** The channel is gone. */
  close(): void {
    this.#isClosed = true
    if (this.#open !== null) this.#fail('its channel was closed')
  }

  #fail(why: string): void {
    this.#take().reject(new FleetFiguresError(why))
  }

  #take(): OpenQuestion {
    const open = this.#open
    if (open === null) throw new Error('No question is open: a bug in the supervisor package.')
    this.#open = null
    open.cancelLimit()
    return open
  }
}
