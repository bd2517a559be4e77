// How much of anything a peer may make us read or keep. Every number has its unit in its name and its default here, and nowhere else.
//
// Invariant: a `Limits` object is complete and frozen; parsers read it without a fallback.

import { Http1UsageError } from './errors.ts'

/** Bounds on what a message may hold. Whole numbers, all at least 1 unless said. */
export interface Limits {
  /** Octets of a head from its first line to the empty line, both included. Default 16384. More is refused with 431. */
  readonly maxHeadBytes: number
  /** Field lines of a head. Default 100. More are refused with 431. */
  readonly maxHeaders: number
  /** Octets of a request target. Default 8192 (RFC 9112, 3 asks for 8000 for the whole line). More is refused with 414. */
  readonly maxTargetBytes: number
  /** Octets of a method. Default 32. More is refused with 501 (RFC 9112, 3). */
  readonly maxMethodBytes: number
  /** Empty lines that are skipped before a request line (RFC 9112, 2.2 asks for at least one). Default 2; 0 refuses any. */
  readonly maxLeadingEmptyLines: number
  /** Options that the Connection fields of a message may name. Default 64; each one beyond close, keep-alive, upgrade and te costs a walk over the fields. */
  readonly maxConnectionOptions: number
  /** Octets of content, counted without chunk framing. Default Infinity (the owner may lower it per message: `limitBody`). More is refused with 413. */
  readonly maxBodyBytes: number
  /** Octets of chunk extensions in all chunks of a message together. Default 16384; 0 refuses any. */
  readonly maxChunkExtensionBytes: number
  /** Octets of a trailer section. Default 8192. More is refused with 431. */
  readonly maxTrailerBytes: number
  /** Field lines of a trailer section. Default 32. More are refused with 431. */
  readonly maxTrailers: number
  /** Interim (1xx) responses before a final one. Default 32; 0 refuses any. */
  readonly maxInterimResponses: number
  /**
   * Which characters a request target may have. `browsers` (default): those of RFC 3986, and what browsers send unescaped:
   * `[ ] { } | ^` anywhere, and in the query a `%` without two digits. `rfc3986`: the RFC's own, nothing else.
   */
  readonly targetCharacters: 'browsers' | 'rfc3986'
}

/** The limits that hold where nothing else is said. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxHeadBytes: 16_384,
  maxHeaders: 100,
  maxTargetBytes: 8192,
  maxMethodBytes: 32,
  maxLeadingEmptyLines: 2,
  maxConnectionOptions: 64,
  maxBodyBytes: Infinity,
  maxChunkExtensionBytes: 16_384,
  maxTrailerBytes: 8192,
  maxTrailers: 32,
  maxInterimResponses: 32,
  targetCharacters: 'browsers',
})

/** Largest allowed value of each: offsets into a head are kept in 32 bits, and a head is held in memory whole. */
const MAX_SECTION_BYTES = 1 << 28
const MAX_FIELDS = 1 << 16

const RANGES: Readonly<Record<Exclude<keyof Limits, 'targetCharacters'>, readonly [least: number, most: number]>> = {
  maxHeadBytes: [1, MAX_SECTION_BYTES],
  maxHeaders: [1, MAX_FIELDS],
  maxTargetBytes: [1, MAX_SECTION_BYTES],
  maxMethodBytes: [1, MAX_SECTION_BYTES],
  maxLeadingEmptyLines: [0, MAX_FIELDS],
  maxConnectionOptions: [1, MAX_FIELDS],
  maxBodyBytes: [0, Infinity],
  maxChunkExtensionBytes: [0, MAX_SECTION_BYTES],
  maxTrailerBytes: [1, MAX_SECTION_BYTES],
  maxTrailers: [1, MAX_FIELDS],
  maxInterimResponses: [0, MAX_FIELDS],
}

/**
 * Completes the given limits with the defaults and freezes them.
 * @throws Http1UsageError `HTTP1_ERR_LIMIT` for an unknown name, for a number out of range and for anything that isn't a whole number
 *   (`maxBodyBytes` may be Infinity).
 */
export function createLimits(given: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (name === 'targetCharacters') {
      if (value === 'browsers' || value === 'rfc3986') continue
      throw new Http1UsageError('HTTP1_ERR_LIMIT', `targetCharacters is 'browsers' or 'rfc3986', not ${String(value)}.`)
    }
    if (!Object.hasOwn(RANGES, name)) throw new Http1UsageError('HTTP1_ERR_LIMIT', `There is no limit named ${name}.`)
    const [least, most] = RANGES[name as keyof typeof RANGES]
    const valid = Number.isSafeInteger(value) || (value === Infinity && most === Infinity)
    if (!valid || Number(value) < least || Number(value) > most) {
      throw new Http1UsageError(
        'HTTP1_ERR_LIMIT',
        `${name} is a whole number from ${least} to ${most}, not ${String(value)}.`,
      )
    }
  }
  return Object.freeze({ ...DEFAULT_LIMITS, ...given })
}
