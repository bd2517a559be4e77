// The one written form of a key, by which equal keys are recognised: what callers ask for among each other, and with what rows come back.
//
// The same key comes in many shapes: 5, 5n and '5'; a UUID in capitals; a bigint column is a string in one client and a bigint in another. A form says for a
// type of PostgreSQL what a key may look like and how it's written; a key that the server would refuse, and with it the whole batch (22P02, 22003, 22021), is refused
// here, alone.
//
//     int2 int4 int8   whole number in range as number, bigint or digits -> digits without leading zeros: -5
//     uuid             with or without hyphens and braces, any case -> 8-4-4-4-12 in lower case
//     text             as it is; no NUL, no half surrogate pairs (the server stores neither). Not for citext, char(n), or a case-insensitive collation:
//                      there the server finds rows whose key is written otherwise. Give those a function.
//     a list of forms  for keys of several columns: the parts as a JSON list
//     a function       anything else
import { DbError } from '../errors.ts'

export type KeyType = 'int2' | 'int4' | 'int8' | 'uuid' | 'text'
/** How to write one column's key, for the map only; throws for what is no key. */
export type KeyFunction = (key: unknown) => string
export type KeyForm = KeyType | KeyFunction
/** Gives the canonical text of a key. */
export type Canonical = (key: unknown) => string

const DIGITS = /^[+-]?[0-9]{1,30}$/
const UUID = /^[0-9a-f]{32}$/

const FORMS: Readonly<Record<KeyType, KeyFunction>> = {
  int2: key => whole(key, 'int2', 15n),
  int4: key => whole(key, 'int4', 31n),
  int8: key => whole(key, 'int8', 63n),
  uuid,
  text,
}

/**
 * Makes the function for a form, or for a list of forms.
 * @throws DB_ERR_OPTION for an unknown form. The function throws DB_ERR_PARAMETER for what is no key of the form.
 */
export function canonicalKey(form: KeyForm | readonly KeyForm[]): Canonical {
  if (!Array.isArray(form)) return one(form as KeyForm)
  const parts = form.map(part => one(part as KeyForm))
  if (parts.length === 0) throw new DbError('DB_ERR_OPTION', 'A list of key forms has at least one form.')
  return key => {
    if (!Array.isArray(key) || key.length !== parts.length) throw refused(key, `a list of ${parts.length} keys`)
    return JSON.stringify(parts.map((part, column) => part(key[column])))
  }
}

function one(form: KeyForm): KeyFunction {
  if (typeof form === 'function') return form
  if (Object.hasOwn(FORMS, form)) return FORMS[form]
  throw new DbError(
    'DB_ERR_OPTION',
    `There is no key form "${form}"; there are ${Object.keys(FORMS).join(', ')}, and functions.`,
  )
}

function whole(key: unknown, type: string, bits: bigint): string {
  if (typeof key === 'number' && Number.isSafeInteger(key) && Math.abs(key) < 0x8000) return String(key + 0)
  const isWhole =
    typeof key === 'bigint' ||
    (typeof key === 'number' && Number.isSafeInteger(key)) ||
    (typeof key === 'string' && DIGITS.test(key))
  if (!isWhole) throw refused(key, type)
  const value = BigInt(typeof key === 'string' && key.startsWith('+') ? key.slice(1) : key)
  const limit = 1n << bits
  if (value >= limit || value < -limit) throw refused(key, type)
  return value.toString()
}

function uuid(key: unknown): string {
  if (typeof key !== 'string') throw refused(key, 'uuid')
  const digits = key
    .replace(/^\{(.*)\}$/, '$1')
    .replaceAll('-', '')
    .toLowerCase()
  if (!UUID.test(digits)) throw refused(key, 'uuid')
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  )
}

function text(key: unknown): string {
  if (typeof key !== 'string' || key.includes('\0') || !key.isWellFormed()) throw refused(key, 'text')
  return key
}

/** Says what was expected and of which kind the key was; never the key. */
function refused(key: unknown, expected: string): DbError {
  const kind = Array.isArray(key) ? `a list of ${key.length}` : key === null ? 'null' : `a ${typeof key}`
  return new DbError('DB_ERR_PARAMETER', `A key has to be a valid ${expected}; this one is ${kind} that isn't.`)
}
