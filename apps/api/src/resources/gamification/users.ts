// What the parts of gamification share: how a user is named in addresses and in the cache, and what's answered when there is none.
import { Type } from 'typebox'
import { DbError } from '@plimsoll/db-optimizer'
import { ApiError } from '../../errors.ts'

/** Identities are positive and stay exact in JavaScript. */
const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

/** `:id` is always a user's. */
export const UserParams = Type.Object({ id: Id }, { additionalProperties: false })

/** Of responses. */
export const UserId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "The user's id." })
export const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC, milliseconds.' })

/** Tags to invalidate after a change. */
export const userTags = {
  /** All that's cached of one user. */
  one: (id: number): string => `user:${id}`,
  /** Of that only the list of badges. */
  badges: (id: number): string => `user:${id}:badges`,
} as const

/** @throws API_ERR_USER_NOT_FOUND */
export function foundUser<Something>(something: Something | null): Something {
  if (something === null) throw new ApiError('API_ERR_USER_NOT_FOUND', 'No user has this id.')
  return something
}

const FOREIGN_KEY_VIOLATION = '23503'

/** Null when the work failed because the user was deleted between being found and being written for; any other failure as it is. */
export async function nullWhenDeleted<Something>(work: Promise<Something>): Promise<Something | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof DbError && error.sqlState === FOREIGN_KEY_VIOLATION) return null
    throw error
  }
}
