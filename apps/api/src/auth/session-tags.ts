// How sessions are named in the cache: what's kept of one carries both, and every revocation invalidates one of them, in the transaction that revokes.
export const sessionTags = {
  /** One sign-in. */
  one: (familyId: number): string => `session:${familyId}`,
  /** All of a user's. */
  ofUser: (userId: number): string => `user:${userId}:sessions`,
} as const
