// A server that breaks when told, as far as requests and checks can see.
import { CheckTally } from '../../src/health/check-tally.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'

/** well; dead: refuses; hanging: takes requests and is silent until it's mended; half: every second answer is 500; failing: all are 503. */
export type Mode = 'well' | 'dead' | 'hanging' | 'half' | 'failing'

/** One try at a server; `end` may be called again, and does nothing then. */
export interface Running {
  readonly end: (status: number | 'reset' | 'timeout') => void
}

export class SimulatedServer {
  mode: Mode = 'well'
  readonly endpoint: Endpoint
  readonly tally: CheckTally
  readonly running = new Set<Running>()
  /** Probes under way. */
  probes = 0

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
    this.tally = new CheckTally({ fall: 3, rise: 2 }, endpoint.health)
  }
}
