// Whether the worker is ending: readiness fails then, and the draining plugin asks the other side to use its connections no further.
import type { DrainState } from '../resources/health/service.ts'

/** Read by readiness and the draining plugin; only the worker sets it. */
export class Draining implements DrainState {
  #draining = false

  get draining(): boolean {
    return this.#draining
  }

  begin(): void {
    this.#draining = true
  }
}
