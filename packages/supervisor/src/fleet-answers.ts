// One worker's questions for the fleet, as the supervisor meets them.
//
// Invariant: however many come, one answer at a time is made and handed to the worker's channel, for the newest question; the next only when that one has
// left. So a worker that asks without end, or doesn't read what it gets, costs no memory here.
import { messageOf } from './errors.ts'
import type { FleetFigures } from './fleet-figures.ts'

/** What's sent for a question: the figures, or why there are none. */
export type FleetAnswer =
  | { readonly figures: FleetFigures; readonly error: null }
  | { readonly figures: null; readonly error: string }

export class FleetAnswers {
  readonly #figures: () => Promise<FleetFigures>
  readonly #send: (ask: number, answer: FleetAnswer) => Promise<void>
  /** The newest question that hasn't been answered. */
  #newest: number | null = null
  #isAnswering = false

  /** @param send resolves when the answer has left, or can't; never rejects */
  constructor(figures: () => Promise<FleetFigures>, send: (ask: number, answer: FleetAnswer) => Promise<void>) {
    this.#figures = figures
    this.#send = send
  }

  asked(ask: number): void {
    this.#newest = ask
    if (!this.#isAnswering) void this.#answerAll()
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true
    while (this.#newest !== null) {
      const answer = await this.#answer()
      const ask = this.#newest
      this.#newest = null
      await this.#send(ask, answer)
    }
    this.#isAnswering = false
  }

  async #answer(): Promise<FleetAnswer> {
    try {
      return { figures: await this.#figures(), error: null }
    } catch (error) {
      return { figures: null, error: messageOf(error) }
    }
  }
}
