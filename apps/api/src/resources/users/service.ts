// What users may have done with all that's kept about them, apart from HTTP and SQL.
import type { Logger } from '@plimsoll/telemetry'
import type { Caller } from '../../http/caller.ts'
import { foundUser } from '../gamification/users.ts'
import type { Eraser, Erased, HasTime } from './eraser.ts'
import { exportDocument } from './export-document.ts'
import type { ExportRepository, PersonalRow } from './export-repository.ts'

/** Who asks: for the security log. */
export interface Asking {
  readonly requestId: string
  readonly address: string | undefined
  /** Whether it's somebody else than the user. */
  readonly isOperator: boolean
}

export interface UsersService {
  /**
   * All that's kept about a user, as pieces of a JSON document.
   * @throws API_ERR_USER_NOT_FOUND, API_ERR_DATABASE_*; what fails later, while the pieces are read, is thrown by them
   */
  export(userId: number, asking: Asking, caller?: Pick<Caller, 'signal'>): Promise<AsyncIterable<string>>
  /** What became of it. @throws API_ERR_DATABASE_* */
  erase(userId: number, hasTime: HasTime, asking: Asking, caller?: Pick<Caller, 'signal'>): Promise<Erased>
}

export interface UsersServiceParts {
  readonly repository: ExportRepository
  readonly eraser: Eraser
  readonly clock: { now(): number }
  /** Of the category `security`. */
  readonly logger: Logger
}

export function createUsersService({ repository, eraser, clock, logger }: UsersServiceParts): UsersService {
  const note = (event: string, message: string, userId: number, { requestId, address, isOperator }: Asking): void => {
    logger.info({ event, userId, isOperator, ip: address, requestId }, message)
  }
  return {
    async export(userId, asking, caller) {
      let profile: PersonalRow | null = null
      for await (const [row] of repository.pages('profile', userId, caller?.signal)) profile = row ?? null
      const source = { repository, userId, profile: foundUser(profile), exportedAt: new Date(Math.floor(clock.now())) }
      note('data-exported', 'all that is kept about a user is sent', userId, asking)
      return exportDocument(source, caller?.signal)
    },

    async erase(userId, hasTime, asking, caller) {
      const erased = await eraser.erase(userId, hasTime, caller?.signal)
      if (erased !== 'absent') note('account-erased', 'an account is closed, and what it had is erased', userId, asking)
      return erased
    },
  }
}
