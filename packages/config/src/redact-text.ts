// Takes passwords out of any text: what a log, a message or a terminal may show of a URL or a connection string.

/** What stands where a secret was. */
export const REDACTED = '•••'

/**
 * `postgres://app:hunter2@db/shop` → `postgres://app:•••@db/shop`, and the same for `password=`, `token=` and the like in a query or a
 * connection string. When in doubt it takes more than it must: a password may itself hold "@", "/", "?" or "#", so all up to the last "@" goes.
 */
export function redactText(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:@/?#]*):\S*@/gi, `$1:${REDACTED}@`)
    .replace(/((?:password|passwd|pwd|secret|token|api[_-]?key)=)[^&\s;,]+/gi, `$1${REDACTED}`)
}

/** How a message shows a value: short, on one line, without passwords; nothing at all of a secret. */
export function shownValue(value: unknown, secret: boolean): string {
  if (secret) return 'the value (a secret, not shown)'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const text = redactText(value)
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
