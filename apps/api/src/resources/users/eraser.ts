// Erases users: closes the account at once, then deletes until nothing is left, in batches where there's much. Whoever stops in between, for want of time or by dying, is carried on by the
// next who asks, or by the sweep of src/retention.
import type { Logger } from '@plimsoll/telemetry'
import type { ErasureRepository } from './erasure-repository.ts'
import type { UploadedFiles } from './uploaded-files.ts'

export interface EraserTools {
  readonly repository: ErasureRepository
  readonly files: UploadedFiles
  readonly logger: Logger
  /** Rows of a batch. */
  readonly batchSize: number
}

/** Whether there's time for another batch. */
export type HasTime = () => boolean

/** `absent`: there's nobody. `erased`: nothing is left. `begun`: the account is closed, and the rest is carried on later. */
export type Erased = 'absent' | 'erased' | 'begun'

export class Eraser {
  readonly #tools: EraserTools

  constructor(tools: EraserTools) {
    this.#tools = tools
  }

  /** @throws API_ERR_DATABASE_*, the signal's reason: the account isn't closed then, or it's not known whether it is */
  async erase(userId: number, hasTime: HasTime, signal?: AbortSignal): Promise<Erased> {
    const { repository, logger } = this.#tools
    if (!(await repository.begin(userId, signal))) return 'absent'
    try {
      return (await this.#carryOn(userId, hasTime, signal)) ? 'erased' : 'begun'
    } catch (error) {
      // The account is closed, which is what whoever asked has to know; the rest isn't lost.
      logger.warn({ err: error, userId }, 'an erasure was interrupted, and is carried on later')
      return 'begun'
    }
  }

  /**
   * Carries on what was begun and isn't over.
   * @returns how many are over now
   * @throws API_ERR_DATABASE_* when it can't be found out what was begun; the signal's reason
   */
  async carryOnAll(signal?: AbortSignal): Promise<number> {
    const { repository, logger } = this.#tools
    const users = await repository.unfinished(USERS_AT_ONCE, signal)
    let over = 0
    for (const userId of users) {
      try {
        await this.#carryOn(userId, () => true, signal)
      } catch (error) {
        signal?.throwIfAborted()
        // One that can't be ended doesn't keep the others waiting.
        logger.error({ err: error, userId }, 'an erasure could not be carried on; it is tried again later')
        continue
      }
      over += 1
      logger.info({ event: 'account-erased', userId }, 'an erasure that was interrupted is over')
    }
    return over
  }

  /** Whether it's over. */
  async #carryOn(userId: number, hasTime: HasTime, signal: AbortSignal | undefined): Promise<boolean> {
    const { repository, batchSize } = this.#tools
    while (hasTime()) {
      const rest = await repository.end(userId, batchSize, signal)
      if (rest === null) return true
      if (rest === 'uploads') await this.#removeUploads(userId, hasTime, signal)
      else while (hasTime() && (await repository.remove(rest, userId, batchSize, signal)));
    }
    return false
  }

  /** Files first: a row without its file is found again, a file without its row never. */
  async #removeUploads(userId: number, hasTime: HasTime, signal: AbortSignal | undefined): Promise<void> {
    const { repository, files, batchSize } = this.#tools
    while (hasTime()) {
      const uploads = await repository.uploads(userId, batchSize, signal)
      if (uploads.length === 0) return
      await files.remove(
        uploads.map(({ storageKey }) => storageKey),
        signal,
      )
      await repository.removeUploads(
        uploads.map(({ id }) => id),
        signal,
      )
    }
  }
}

/** Of one sweep. */
const USERS_AT_ONCE = 100
