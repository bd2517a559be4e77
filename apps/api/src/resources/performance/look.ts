// A look at the service from inside: at the whole fleet where there's a supervisor to ask, else at this worker alone.
//
// The supervisor answers with what its own `/metrics` would print, so the pages that are made of a look agree with it; see `fleet()` of @plimsoll/supervisor for how
// old an answer may be.
import { parseMetrics, SupervisorError, type FleetFigures } from '@plimsoll/supervisor'
import type { Registry } from '@plimsoll/telemetry'
import { ApiError } from '../../errors.ts'
import { MetricFigures } from './metric-figures.ts'

/** Who knows of the fleet; a link to the supervisor fits. */
export interface FleetSource {
  /** Null where there's no fleet. @throws SUPERVISOR_ERR_FLEET_FIGURES */
  fleet(): Promise<FleetFigures | null>
}

export interface Look {
  readonly scope: 'fleet' | 'worker'
  /** When it was taken, in milliseconds since the epoch. */
  readonly atMs: number
  readonly figures: MetricFigures
  /** Null in the scope of a worker. */
  readonly fleet: Omit<FleetFigures, 'metrics'> | null
}

export interface LookTools {
  /** Without `fleet` there's none. */
  readonly source: Partial<FleetSource>
  readonly registry: Pick<Registry, 'getMetricsAsJSON'>
  readonly clock: { now(): number }
}

/** A silent supervisor is asked again by the next request at the earliest. */
const RETRY_AFTER_S = 1

/** @throws API_ERR_FLEET_SILENT: figures of one worker in place of all would look as if the others' had been lost */
export async function lookAround({ source, registry, clock }: LookTools): Promise<Look> {
  const answer = await askFleet(source)
  if (answer !== null) {
    const { metrics, ...fleet } = answer
    return { scope: 'fleet', atMs: fleet.atMs, figures: new MetricFigures(metrics), fleet }
  }
  const metrics = parseMetrics(await registry.getMetricsAsJSON())
  return { scope: 'worker', atMs: clock.now(), figures: new MetricFigures(metrics), fleet: null }
}

async function askFleet(source: Partial<FleetSource>): Promise<FleetFigures | null> {
  try {
    return (await source.fleet?.()) ?? null
  } catch (error) {
    if (!(error instanceof SupervisorError)) throw error
    throw new ApiError(
      'API_ERR_FLEET_SILENT',
      'The supervisor gave no figures of the fleet; try again in a moment, or look at `/health/detailed` for one worker.',
      { cause: error, retryAfterS: RETRY_AFTER_S },
    )
  }
}
