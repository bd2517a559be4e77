// Signing in, as a worker has it that was started without options: keys that are made up.
import { randomBytes } from 'node:crypto'
import type { AuthOptions } from '../src/auth/auth.ts'
import { ARGON2_PARAMETERS } from '../src/auth/argon2-parameters.ts'

export const BENCH_AUTH: AuthOptions = {
  keys: { sign: 'bench', keys: new Map([['bench', randomBytes(32)]]) },
  issuer: 'plimsoll',
  audience: 'plimsoll-api',
  accessTokenMs: 900_000,
  lives: { tokenMs: 86_400_000, familyMs: 86_400_000 },
  hashing: ARGON2_PARAMETERS,
  hashSlots: 1,
  hashRest: 0,
}
