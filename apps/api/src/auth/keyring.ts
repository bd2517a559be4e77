// The keys that sign access tokens, each with an id that its tokens carry.
//
// A key is exchanged without a restart and without a token that is refused, in three steps, each told to every worker before the next:
//
//     { "sign": "a", "keys": { "a": ... } }                  as it was
//     { "sign": "a", "keys": { "a": ..., "b": ... } }        all know the new one
//     { "sign": "b", "keys": { "a": ..., "b": ... } }        all sign with it
//     { "sign": "b", "keys": { "b": ... } }                  once the last token of the old one has expired
//
// A key that has leaked is left out at once; its tokens are refused from then on, and those who had them get new ones with their refresh tokens.
import { SetupError } from '../errors.ts'

export interface Keyring {
  /** The id of the key that signs. */
  readonly sign: string
  /** By id, what tokens are verified with, the signing one among them. */
  readonly keys: ReadonlyMap<string, Buffer>
}

/** RFC 7518, 3.2: a key of HS256 has at least the size of its digest. */
export const MIN_KEY_BYTES = 32
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/
const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/

/**
 * Reads `{ "sign": id, "keys": { id: secret in base64url } }`.
 * @throws API_ERR_SIGNING_KEYS, without anything of a secret
 */
export function readKeyring(json: string): Keyring {
  let read: unknown
  try {
    read = JSON.parse(json)
  } catch {
    // The reason would quote what's there.
    throw refused('they are no JSON')
  }
  if (!isRecord(read) || typeof read['sign'] !== 'string' || !isRecord(read['keys'])) {
    throw refused('they are not of the form { "sign": id, "keys": { id: secret } }')
  }
  const keys = new Map<string, Buffer>()
  for (const [id, secret] of Object.entries(read['keys'])) {
    if (typeof secret !== 'string' || !BASE64URL.test(secret)) throw refused('a secret is not in base64url')
    keys.set(id, Buffer.from(secret, 'base64url'))
  }
  return checkKeyring({ sign: read['sign'], keys })
}

/** @throws API_ERR_SIGNING_KEYS */
export function checkKeyring(keyring: Keyring): Keyring {
  for (const [id, secret] of keyring.keys) {
    if (!KEY_ID.test(id)) throw refused('an id has other characters than letters, figures, _ and -, or over 64')
    if (secret.length < MIN_KEY_BYTES) throw refused(`the key "${id}" has fewer than ${MIN_KEY_BYTES} bytes`)
  }
  const distinct = new Set([...keyring.keys.values()].map(secret => secret.toString('base64url')))
  if (distinct.size < keyring.keys.size) throw refused('two ids have the same key')
  if (!keyring.keys.has(keyring.sign)) throw refused('the one to sign with is not among them')
  return keyring
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refused(reason: string): SetupError {
  return new SetupError(
    'API_ERR_SIGNING_KEYS',
    `The keys for access tokens (auth.keys, auth.keysFile) can't be used: ${reason}. SECURITY.md has the command that makes some.`,
  )
}
