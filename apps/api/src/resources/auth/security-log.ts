// What the security log says of signing in: one line for each thing that somebody may want to find out about later, with whose it was, where it came from and the request.
//
// * No e-mail address, password or token: users are ids. A failed sign-in of an account that nobody has is a line without an id.
// * Lines are JSON: nothing in a value can begin another. An address that a proxy passed on is visible ASCII besides, for whatever shows the line; request ids are already.
import type { Logger } from '@plimsoll/telemetry'

/** Where a request came from. */
export interface Origin {
  /** Of the client; undefined where it isn't known. */
  readonly address: string | undefined
  readonly requestId: string
}

const EVENTS = {
  'signed-up': ['info', 'an account was made'],
  'signed-in': ['info', 'signed in'],
  'sign-in-failed': ['warn', 'a sign-in failed'],
  'password-changed': ['info', 'a password was changed; all sessions of the user have ended'],
  'password-change-failed': ['warn', 'a change of a password failed: the present one was wrong'],
  'refresh-token-reused': ['warn', 'a used refresh token was shown again; its session is revoked'],
  'signed-out': ['info', 'signed out'],
  'signed-out-everywhere': ['info', 'signed out everywhere'],
} as const satisfies Record<string, readonly ['info' | 'warn', string]>

export type SecurityEvent = keyof typeof EVENTS

/** Whose it was; `familyId` is the session's. */
export interface Subject {
  readonly userId?: number
  readonly familyId?: number
}

export class SecurityLog {
  readonly #logger: Logger

  /** @param logger of the category `security` */
  constructor(logger: Logger) {
    this.#logger = logger
  }

  note(event: SecurityEvent, { userId, familyId }: Subject, { address, requestId }: Origin): void {
    const [level, message] = EVENTS[event]
    this.#logger[level]({ event, userId, familyId, ip: visible(address), requestId }, message)
  }

  /** A password that was right is stored as before: the next sign-in tries again. */
  rehashFailed(error: unknown, userId: number, { requestId }: Origin): void {
    this.#logger.warn({ err: error, userId, requestId }, 'a password could not be hashed again at the present cost')
  }
}

/** IPv6 with an IPv4 address at its end, and the name of an interface. */
const MAX_ADDRESS_LENGTH = 64

function visible(address: string | undefined): string | undefined {
  return address?.slice(0, MAX_ADDRESS_LENGTH).replaceAll(/[^!-~]/g, '?')
}
