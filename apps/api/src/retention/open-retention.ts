// Retention as a worker has it: how often, and in which batches.
import type { Logger, Registry } from '@plimsoll/telemetry'
import type { TokenFamiliesRepository } from '../auth/token-families-repository.ts'
import type { Database } from '../database/database.ts'
import type { Clock } from '../database/probe.ts'
import { Retention } from './retention.ts'
import type { RetentionDays } from './rules.ts'
import { sweep } from './sweep.ts'

const INTERVAL_MS = 3_600_000
const BATCH_ROWS = 1000
/** As long as a batch takes on a busy database: half of the time is others'. */
const PAUSE_MS = 50

export interface RetentionParts {
  readonly database: Database
  readonly families: TokenFamiliesRepository
  readonly eraser: { carryOnAll(signal: AbortSignal): Promise<number> }
  readonly clock: Clock
  readonly random: { next(): number }
  readonly logger: Logger
  readonly registry: Registry | undefined
}

/** Started; undefined: nothing is deleted by its age. */
export function openRetention(days: RetentionDays | undefined, parts: RetentionParts): Retention | undefined {
  if (days === undefined) return undefined
  const { database, families, eraser, clock, random, logger, registry } = parts
  const retention = new Retention({
    sweep: (signal, onDeleted) =>
      sweep(
        { days, batchSize: BATCH_ROWS, pauseMs: PAUSE_MS },
        { database, families, carryOnErasures: stop => eraser.carryOnAll(stop), clock, onDeleted },
        signal,
      ),
    clock,
    random,
    logger,
    registry,
    intervalMs: INTERVAL_MS,
  })
  retention.start()
  return retention
}
