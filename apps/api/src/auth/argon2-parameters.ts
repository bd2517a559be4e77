// What a hash of a password costs, and how the cost of a stored one is read.
//
// The figures are the first of those that the OWASP Password Storage Cheat Sheet gives as equal in strength (19 MiB, two passes, one lane): the one with the least
// time per MiB, since memory is what a machine with many workers is short of. RFC 9106, section 4, asks for more memory where there is some to spare. When they're
// raised here, hashes made before are replaced one by one, as their owners sign in.

/** What one hash costs. */
export interface Argon2Parameters {
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
}

export const ARGON2_PARAMETERS: Argon2Parameters = { memoryKib: 19_456, passes: 2, lanes: 1 }

/** RFC 9106, section 4: 128 bits of salt, 256 of digest. The table of credentials takes no others. */
export const SALT_BYTES = 16
export const DIGEST_BYTES = 32

/**
 * The PHC string format of Argon2id:
 *
 *     $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<digest>
 */
const PHC = /^\$argon2id\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,3})\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/

/** Undefined when it isn't a hash of ours. */
export function parametersOf(hash: string): Argon2Parameters | undefined {
  const [, memoryKib, passes, lanes] = PHC.exec(hash) ?? []
  if (memoryKib === undefined || passes === undefined || lanes === undefined) return undefined
  return { memoryKib: Number(memoryKib), passes: Number(passes), lanes: Number(lanes) }
}

/** Whether a hash is cheaper to try than one that would be made today. One that's dearer stays: nothing is gained by weakening it. */
export function isOutdated(hash: string, now: Argon2Parameters): boolean {
  const then = parametersOf(hash)
  if (then === undefined) return true
  const work = ({ memoryKib, passes }: Argon2Parameters): number => memoryKib * passes
  return then.memoryKib < now.memoryKib || work(then) < work(now)
}

/** A hash that no password has, of the same cost as one that somebody has: salt and digest are drawn, nothing is computed. */
export function decoyHash(
  { memoryKib, passes, lanes }: Argon2Parameters,
  randomBytes: (count: number) => Buffer,
): string {
  const encode = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${encode(randomBytes(SALT_BYTES))}$${encode(randomBytes(DIGEST_BYTES))}`
}
