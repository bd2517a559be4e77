// What's sent by those who look for a way in, or who got their encoding wrong. In texts the canary is in it where it would show.
import { CANARY } from './faults.ts'

const SQL = [`${CANARY}'; drop table users; --`, `1 or 1=1 /*${CANARY}*/`, `' union select version() --${CANARY}`]
const OTHER_LANGUAGES = [
  `{"$gt":"${CANARY}"}`,
  `<script>alert("${CANARY}")</script>`,
  `\${jndi:ldap://${CANARY}}`,
  `{{${CANARY}}}`,
  `../../../etc/passwd?${CANARY}`,
  `%00%0d%0a${CANARY}`,
]
const LINE_ENDS = [`${CANARY}\r\nx-injected: 1`, `\n${CANARY}`, `${CANARY}\u2028\u0085`]
const NAMES = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'null', 'undefined', 'true']
const NUMBERS = [
  '1e999',
  '-1e999',
  '9007199254740993',
  '-0',
  '0x10',
  '1'.repeat(100),
  'NaN',
  'Infinity',
  '0.1e-400',
  '٣',
]
const UNICODE = [
  `${CANARY}\0`,
  `\ufeff${CANARY}`,
  `${CANARY}\u202e\u0000\u001b[2J`,
  `e${'\u0301'.repeat(5000)}`,
  '👨‍👩‍👧‍👦'.repeat(500),
  '\u{10ffff}',
  '\ufdfd'.repeat(2000),
  '',
  ' ',
]
const LONG = ['x'.repeat(127), 'x'.repeat(7000), '/'.repeat(300), '%'.repeat(300)]

/** Nothing to a place that takes any text. */
export const ORDINARY_TEXTS: ReadonlySet<string> = new Set([...NAMES, ...NUMBERS])

/** For any place where a text goes, in JSON also with halves of surrogate pairs. */
export const HOSTILE_TEXTS: readonly string[] = [
  ...ORDINARY_TEXTS,
  ...[SQL, OTHER_LANGUAGES, LINE_ENDS, UNICODE, LONG].flat(),
  `${CANARY}\ud800`,
  `\udc00${CANARY}`,
]

const forged = (atMs: number, id = 1) => Buffer.from(`${atMs}:${id}`).toString('base64url')
/** Places in time that a date holds, and nobody's database: before the year 1, and of more than four digits. They're refused by name. */
export const IMPOSSIBLE_CURSORS: readonly string[] = [
  253402300800000,
  -62135596800001,
  -62167219200000,
  -62167219200001,
  8.64e15,
  -8.64e15,
  8.64e15 + 1,
].map(atMs => forged(atMs))
/** At the ends of what's possible: nothing but a failure is wrong. */
export const FORGED_CURSORS: readonly string[] = [
  forged(253402300799999),
  forged(-62135596800000),
  forged(0, Number.MAX_SAFE_INTEGER),
]

const VISIBLE = [SQL, OTHER_LANGUAGES, NAMES, NUMBERS].flat().filter(text => /^[ -~]*$/.test(text))
/** For header fields: what a client can send over a connection. */
export const HOSTILE_FIELDS: readonly string[] = [
  ...VISIBLE,
  '*',
  '""',
  '"',
  'W/"1"',
  'W/',
  '"1", "2"',
  '"1',
  `"${CANARY}"`,
  ',',
  ',,,',
  '"\\"',
  '1',
  '"1"x',
  `W/"${'1'.repeat(300)}"`,
  '\u0080\u00ff',
  'a, b',
  'x'.repeat(256),
  'x'.repeat(5000),
  '\t',
  'a\tb',
  '"999999999999999999999"',
  '"0"',
  '"-1"',
]

/** Header fields that something on the way reads, each with values that it might not expect. */
export const HOSTILE_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ...['if-match', 'if-none-match', 'idempotency-key'].flatMap(name =>
    ['*', '""', '"', 'W/', ',', `"${CANARY}`, '"a","b', `W/"${'x'.repeat(3000)}"`, '"\u00ff"', '"a"'.repeat(500)].map(
      value => [name, value] as const,
    ),
  ),
  ['if-modified-since', 'never'],
  ['if-unmodified-since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['range', 'bytes=0-0,-1'],
  ['accept', 'text/html;q=1'],
  ['accept-encoding', `${CANARY};q=2,*;q=x`],
  ['accept-encoding', 'gzip;q=0,br;q=0,identity;q=0'],
  ['accept-language', '*'.repeat(1000)],
  ['cookie', `${CANARY}=${CANARY}; =; ;;`],
  ['origin', `https://${CANARY}.example`],
  ['origin', 'null'],
  ['host', `${CANARY}.example`],
  ['x-request-id', CANARY],
  ['x-request-deadline-ms', '0'],
  ['x-request-priority', 'low'],
  ['x-forwarded-for', `${CANARY}, 127.0.0.1`],
  ['x-forwarded-proto', 'https, x'],
  ['x-http-method-override', 'DELETE'],
  ['forwarded', `for="${CANARY}"`],
  ['traceparent', `00-${CANARY}-00-01`],
  ['x-no-compression', '1'],
  ['authorization', `Bearer ${CANARY}`],
  ['authorization', 'Basic OjpbXQ=='],
]

/** Bodies that no value makes: `at` is a valid one, in which a field is called `name`. */
export function hostileBodies(valid: string): (string | Buffer)[] {
  const inner = valid.slice(1)
  return [
    `{"__proto__":{"isAdmin":true},${inner}`,
    `{"constructor":{"prototype":{"isAdmin":true}},${inner}`,
    `{"\\u005f_proto__":{"isAdmin":true},${inner}`,
    `{"${CANARY}":1e999,${inner}`,
    `{"x":${'9'.repeat(400)},${inner}`,
    `{"${CANARY}\\u0000":1,${inner}`,
    `{"\\ud800":1,${inner}`,
    `${valid}${valid}`,
    `${valid}\0`,
    `${valid} //${CANARY}`,
    `\ufeff${valid}`,
    valid.replaceAll('"', "'"),
    valid.slice(0, -1),
    '['.repeat(20_000) + ']'.repeat(20_000),
    `${'{"a":'.repeat(6000)}1${'}'.repeat(6000)}`,
    `[${'1,'.repeat(20_000)}1]`,
    `{${Array.from({ length: 5000 }, (_, index) => `"k${index}":0`).join()}}`,
    `"${'\\ud83d'.repeat(5000)}"`,
    '-',
    '1e999',
    'NaN',
    '\0',
    ' ',
    Buffer.from([0xff, 0xfe, 0x7b, 0, 0x7d, 0]),
    Buffer.concat([
      Buffer.from(`{"${CANARY}":"`),
      Buffer.from([0xc3, 0x28, 0xed, 0xa0, 0x80]),
      Buffer.from(`",${inner}`),
    ]),
    Buffer.from([0xf0, 0x9f, 0x98]),
  ]
}
