// What the addresses of users' data are made of.
import type { Logger } from '@plimsoll/telemetry'
import type { Database } from '../../database/database.ts'
import { Eraser } from './eraser.ts'
import { createErasureRepository } from './erasure-repository.ts'
import { createExportRepository } from './export-repository.ts'
import { createUsersService, type UsersService } from './service.ts'
import { NO_FILES } from './uploaded-files.ts'

/** Of an erasure: each holds its locks for milliseconds. */
const BATCH_ROWS = 1000

export interface UsersParts {
  readonly database: Database
  readonly clock: { now(): number }
  readonly logger: Logger
}

export function createUsers({ database, clock, logger }: UsersParts): {
  readonly service: UsersService
  /** For whoever carries on what was interrupted. */
  readonly eraser: Eraser
} {
  const eraser = new Eraser({
    repository: createErasureRepository(database),
    files: NO_FILES,
    logger,
    batchSize: BATCH_ROWS,
  })
  return {
    service: createUsersService({ repository: createExportRepository(database), eraser, clock, logger }),
    eraser,
  }
}
