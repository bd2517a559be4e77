// From where somebody has signed in, so that it's known again and can't be read: a session's row has a mark of the address, not the address.
//
//     mark = HMAC-SHA-256(derived from the signing key, "<user> <client>")
//
// * A plain digest would be none: there are few enough IPv4 addresses to try them all. So it takes a secret that isn't in the database. It's derived (HKDF, RFC 5869) from the
//   key that signs access tokens, which every worker has, and is good for nothing else.
// * With the user in it two users at one address have different marks.
// * After a key was exchanged, marks of the old one are found as long as that is in the ring; whoever renews their tokens meanwhile gets one of the present key. Those who
//   don't are strangers at home until they sign in: leave an old key in the ring for an hour or two.
// * A client is what limits take for one: an IPv6 /64 is (@plimsoll/rate-limit).
import { createHmac, hkdfSync } from 'node:crypto'
import { createClientKeys, UNKNOWN_CLIENT } from '@plimsoll/rate-limit'
import type { Keyring } from './keyring.ts'

const PURPOSE = 'plimsoll: marks of addresses'
const SECRET_BYTES = 32

interface Secrets {
  readonly present: Buffer
  /** Of all keys in the ring, the present one among them. */
  readonly all: readonly Buffer[]
}

export class AddressMarks {
  readonly #clientKey = createClientKeys()
  #secrets: Secrets

  constructor(keyring: Keyring) {
    this.#secrets = secretsOf(keyring)
  }

  replaceKeys(keyring: Keyring): void {
    this.#secrets = secretsOf(keyring)
  }

  /** What to keep; null for what is no address. */
  of(userId: number, address: string | undefined): Buffer | null {
    const client = this.#clientKey(address)
    return client === UNKNOWN_CLIENT ? null : mark(this.#secrets.present, userId, client)
  }

  /** Whatever may have been kept of it; nothing for what is no address. */
  anyOf(userId: number, address: string | undefined): readonly Buffer[] {
    const client = this.#clientKey(address)
    return client === UNKNOWN_CLIENT ? [] : this.#secrets.all.map(secret => mark(secret, userId, client))
  }
}

function secretsOf({ sign, keys }: Keyring): Secrets {
  const secretOf = (key: Buffer): Buffer => Buffer.from(hkdfSync('sha256', key, '', PURPOSE, SECRET_BYTES))
  return { present: secretOf(keys.get(sign) as Buffer), all: [...keys.values()].map(secretOf) }
}

function mark(secret: Buffer, userId: number, client: string): Buffer {
  return createHmac('sha256', secret).update(`${userId} ${client}`).digest()
}
