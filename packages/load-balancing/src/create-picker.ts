// The one place that knows which class a strategy is.
import type { Candidate } from './candidate.ts'
import { ConsistentHash } from './consistent-hash.ts'
import { LoadBalancingError } from './errors.ts'
import { LeastConnections } from './least-connections.ts'
import { LeastLoaded } from './least-loaded.ts'
import { completeOptions, type PickerOptions } from './options.ts'
import { PeakEwma } from './peak-ewma.ts'
import type { Clock, Picker, RandomSource } from './picker.ts'
import { PowerOfTwoChoices } from './power-of-two-choices.ts'
import { Random } from './random.ts'
import { RoundRobin } from './round-robin.ts'
import { STRATEGIES, type Strategy } from './strategies.ts'
import { WeightedRoundRobin } from './weighted-round-robin.ts'

/** Where a picker's time and chance come from. */
export interface PickerSources {
  readonly random: RandomSource
  readonly clock: Clock
}

/**
 * Makes a picker; one per list of candidates. It owns no timer and nothing that would have to be closed.
 * @throws LoadBalancingError `LOAD_BALANCING_ERR_STRATEGY` for a strategy that isn't among {@link STRATEGIES};
 *   `LOAD_BALANCING_ERR_OPTION` for an unknown option or a value out of its range, whichever strategy it's for.
 */
export function createPicker<C extends Candidate>(
  strategy: Strategy,
  { random, clock }: PickerSources,
  given: Partial<PickerOptions> = {},
): Picker<C> {
  const options = completeOptions(given)
  const leastConnections = (): LeastConnections<C> => new LeastConnections<C>(random, options.scanLimit)
  switch (strategy) {
    case 'round-robin':
      return new RoundRobin<C>()
    case 'weighted-round-robin':
      return new WeightedRoundRobin<C>()
    case 'least-connections':
      return leastConnections()
    case 'power-of-two-choices':
      return new PowerOfTwoChoices<C>(random)
    case 'peak-ewma':
      return new PeakEwma<C>(random, clock, options)
    case 'consistent-hash':
      return new ConsistentHash<C>(leastConnections(), options)
    case 'random':
      return new Random<C>(random)
    case 'least-loaded':
      return new LeastLoaded<C>(random, clock, leastConnections(), options)
    default:
      strategy satisfies never
      throw new LoadBalancingError(
        'LOAD_BALANCING_ERR_STRATEGY',
        `There is no strategy "${String(strategy)}"; there are: ${STRATEGIES.map(({ name }) => name).join(', ')}.`,
      )
  }
}
