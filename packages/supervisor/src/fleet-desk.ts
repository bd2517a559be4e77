// The supervisor's end of the question for the fleet: many may ask, and the fleet is looked at once a second at most.
//
//   ┌──────┐ somebody asks ┌─────────┐ taken ┌───────┐ reuseMs after that
//   │ none │ ────────────► │ looking │ ────► │ known │ ───────────────────► none
//   └──────┘               └─────────┘       └───────┘
//       ▲                       │ failed
//       └───────────────────────┘
//
// Invariants
// * Who asks while the fleet is being looked at waits for that look; who asks while the last one is known gets it.
// * All workers are given the same looks, none older than one given before: were each to keep its own, who asks now this one and now that would see counts go back.
// * A failure reaches all who waited for it, and isn't kept.
import type { Clock } from './clock.ts'
import type { FleetFigures } from './fleet-figures.ts'

/** How long an answer stands for new ones. */
const REUSE_MS = 1000

export class FleetDesk {
  readonly #look: () => Promise<FleetFigures>
  readonly #clock: Clock
  #looking: Promise<FleetFigures> | null = null
  #known: FleetFigures | null = null

  constructor(look: () => Promise<FleetFigures>, clock: Clock) {
    this.#look = look
    this.#clock = clock
  }

  figures(): Promise<FleetFigures> {
    if (this.#looking !== null) return this.#looking
    const known = this.#known
    if (known !== null && this.#clock.now() - known.atMs < REUSE_MS) return Promise.resolve(known)
    this.#known = null
    this.#looking = this.#look()
      .then(figures => (this.#known = figures))
      .finally(() => (this.#looking = null))
    return this.#looking
  }
}
