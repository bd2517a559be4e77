// Which octet may stand where: one 256-entry table per grammar rule, so that a scanner's inner loop is a single look-up.
//
// Every table is written from the ABNF above it, once, at load. Nothing else in this package decides about a character.
// Octets, never characters of a string: a Unicode decoder that eats a LF is how parsers get tricked (RFC 9112, section 2.2).

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const DQUOTE = 0x22
export const HASH = 0x23
export const PERCENT = 0x25
export const ASTERISK = 0x2a
export const COMMA = 0x2c
export const DOT = 0x2e
export const SLASH = 0x2f
export const ZERO = 0x30
export const NINE = 0x39
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const EQUALS = 0x3d
export const QUESTION = 0x3f
export const AT = 0x40
export const LEFT_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const RIGHT_BRACKET = 0x5d
export const UNDERSCORE = 0x5f

const DIGITS = '0123456789'
const ALPHAS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function mark(table: Uint8Array, characters: string, kind: number): Uint8Array {
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = kind
  return table
}

function markRange(table: Uint8Array, first: number, last: number, kind: number): Uint8Array {
  return table.fill(kind, first, last + 1)
}

// token = 1*tchar                                                                                RFC 9110, 5.6.2
// tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
/** 1 for an octet of a token: a method, a field name, a transfer coding, a connection option. */
export const TOKEN = mark(new Uint8Array(256), DIGITS + ALPHAS + "!#$%&'*+-.^_`|~", 1)

// field-content = field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ]                      RFC 9110, 5.5
// field-vchar   = VCHAR / obs-text            VCHAR = %x21-7E        obs-text = %x80-FF
// reason-phrase = 1*( HTAB / SP / VCHAR / obs-text )                                             RFC 9112, 4
// So no NUL, no CR, no LF, no other control character, no DEL.
/** 1 for an octet that may stand in a field value or in a reason phrase. */
export const FIELD_VALUE = markRange(markRange(mark(new Uint8Array(256), '\t', 1), 0x20, 0x7e, 1), 0x80, 0xff, 1)

/** Kinds of octets in the tables of request targets; 0 is refused. */
export const TARGET_PLAIN = 1
export const TARGET_PERCENT = 2
export const TARGET_QUESTION = 4
export const TARGET_BRACKET = 8

// origin-form   = absolute-path [ "?" query ]                                                    RFC 9112, 3.2.1
// absolute-path = 1*( "/" segment )      segment = *pchar                                        RFC 9110, 4.1
// pchar         = unreserved / pct-encoded / sub-delims / ":" / "@"                              RFC 3986, 3.3
// query         = *( pchar / "/" / "?" )                                                         RFC 3986, 3.4
// unreserved    = ALPHA / DIGIT / "-" / "." / "_" / "~"
// sub-delims    = "!" / "$" / "&" / "'" / "(" / ")" / "*" / "+" / "," / ";" / "="
// No "#" (a fragment is never sent), no SP, no control character, nothing above 0x7E. "[" and "]" belong to the address literal of an
// absolute-form alone, so they have a kind of their own.
/** Octets of a request target by the letter of RFC 3986. */
export const TARGET_RFC3986 = mark(targetTable("-._~!$&'()*+,;=:@/"), '[]', TARGET_BRACKET)

// What browsers send without escaping it, in paths or in queries, though RFC 3986 has no room for it: [ ] { } | ^
// (in the URL Standard they aren't all in the percent-encode sets of path and query). Still refused, since recipients read them
// differently: \ (taken for "/"), and " < > ` (which break out of the place where a target is printed).
/** Octets of a request target as browsers send it. */
export const TARGET_BROWSERS = targetTable("-._~!$&'()*+,;=:@/[]{}|^")

function targetTable(others: string): Uint8Array {
  const table = mark(new Uint8Array(256), DIGITS + ALPHAS + others, TARGET_PLAIN)
  table[PERCENT] = TARGET_PERCENT
  table[QUESTION] = TARGET_QUESTION
  return table
}

// reg-name = *( unreserved / pct-encoded / sub-delims )                                          RFC 3986, 3.2.2
// without "%" (it needs two digits behind it: checked by the reader) and without ",": a comma is what is left of two Host
// lines that somebody joined, and Host isn't a list (RFC 9110, 7.2).
/** 1 for an octet of a host name that needs no second look. */
export const REG_NAME = mark(new Uint8Array(256), DIGITS + ALPHAS + "-._~!$&'()*+;=", 1)

// IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )                               RFC 3986, 3.2.2
/** 1 for an octet of the last part of an IPvFuture literal. */
export const IP_FUTURE = mark(new Uint8Array(256), DIGITS + ALPHAS + "-._~!$&'()*+,;=:", 1)

// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE                                        RFC 9110, 5.6.4
// qdtext        = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text
/** 1 for an octet inside a quoted string that stands for itself. */
export const QDTEXT = mark(FIELD_VALUE.slice(), '"\\', 0)

/** Value of a hexadecimal digit, -1 for any other octet (HEXDIG, both cases: RFC 5234, B.1 and 2.3). */
export const HEX_VALUE = hexTable()

function hexTable(): Int8Array {
  const table = new Int8Array(256).fill(-1)
  for (let digit = 0; digit < 16; digit++) {
    const character = digit.toString(16)
    table[character.charCodeAt(0)] = digit
    table[character.toUpperCase().charCodeAt(0)] = digit
  }
  return table
}
