// The keys that a request is put to the rules with. Longer ones are counted by their digest, so that a client's text takes bounded memory.
// @hot
import { hash } from 'node:crypto'
import { RateLimitError } from './errors.ts'
import type { Keys } from './store.ts'

const MAX_KEY_CHARS = 256

/** @throws RateLimitError `RATE_LIMIT_ERR_KEYS` */
export function checkKeys(keys: Keys, rules: number): void {
  if (typeof keys === 'string' || keys.length === rules) return
  throw new RateLimitError(
    'RATE_LIMIT_ERR_KEYS',
    `There are ${rules} rules and ${keys.length} keys: give one for each, or null for a rule that doesn't concern the request.`,
  )
}

/**
 * The key for the rule of that index; null: the rule doesn't concern the request.
 * @throws RateLimitError `RATE_LIMIT_ERR_KEYS`
 */
export function keyOf(keys: Keys, index: number): string | null {
  const key = typeof keys === 'string' ? keys : (keys[index] as string | null)
  if (key === null) return null
  if (typeof key !== 'string') {
    throw new RateLimitError('RATE_LIMIT_ERR_KEYS', `Key ${index} is of type ${typeof key}: a key is a text, or null.`)
  }
  return key.length <= MAX_KEY_CHARS ? key : `sha256:${hash('sha256', key, 'base64')}`
}

/** Of a key with its scope, as UTF-16, which keeps half a surrogate pair: 32 bytes that nobody can turn back without `secret`. */
export function keyDigest(secret: string, scope: string, key: string): Buffer {
  return hash('sha256', Buffer.from(`${secret}${scope.length}:${scope}${key}`, 'utf16le'), 'buffer')
}
