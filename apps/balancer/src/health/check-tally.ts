// What checks seen so far say of an endpoint: pure, no time in it.
//
//   starting ──1 pass──► up ──`fall` failures in a row──► down ──`rise` passes in a row──► up
//   starting ──`fall` failures──► down ──1 pass, if it's the very first──► up
//
// The request path may say `down` as well, when nobody listens. Passes before that prove nothing: the row begins anew.
import type { EndpointHealth } from '../upstream/endpoint.ts'

export interface CheckTallyOptions {
  /** Failures in a row that take an endpoint out, at least 1. */
  readonly fall: number
  /** Passes in a row that bring it back, at least 1. */
  readonly rise: number
}

export class CheckTally {
  readonly #options: CheckTallyOptions
  #health: EndpointHealth
  #everPassed: boolean
  #passesInRow = 0
  #failuresInRow = 0

  /** `health` is what the endpoint is taken for at the beginning: checks may begin anew with other options. */
  constructor(options: CheckTallyOptions, health: EndpointHealth) {
    this.#options = options
    this.#health = health
    this.#everPassed = health !== 'starting'
  }

  /** Checks that have passed since the last failure, since somebody else said `down`, or since `restartRow`. */
  get passesInRow(): number {
    return this.#passesInRow
  }

  get failuresInRow(): number {
    return this.#failuresInRow
  }

  /** Counts a check and says what the endpoint is now. `health` is what it was taken for until now, by whomever. */
  record(passed: boolean, health: EndpointHealth): EndpointHealth {
    if (health !== this.#health) this.restartRow()
    this.#health = passed ? this.#pass(health) : this.#fail(health)
    return this.#health
  }

  /** Counts passes from here on: what went before is no evidence any more. */
  restartRow(): void {
    this.#passesInRow = 0
  }

  #pass(health: EndpointHealth): EndpointHealth {
    this.#passesInRow++
    this.#failuresInRow = 0
    const needed = this.#everPassed ? this.#options.rise : 1
    this.#everPassed = true
    return this.#passesInRow >= needed ? 'up' : health
  }

  #fail(health: EndpointHealth): EndpointHealth {
    this.#failuresInRow++
    this.#passesInRow = 0
    return this.#failuresInRow >= this.#options.fall ? 'down' : health
  }
}
