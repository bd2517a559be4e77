// Walks a comma-separated list of tokens, in place: Connection, Transfer-Encoding, TE, Expect.
//
// #token => [ element ] *( OWS "," OWS [ element ] )                                             RFC 9110, 5.6.1.2
//
// Empty elements are skipped and counted, since a recipient must cope with them; who can't afford them looks at `empties`.
// An element that is more than a token (a parameter, a quoted string, two words) makes the rest unreadable: `next` returns MALFORMED.

import * as octets from './character-tables.ts'

// An imported binding is looked up at each use; a constant of this module is folded into the code, which saves 10-15 % of a head.
const { COMMA, HTAB, SP, TOKEN } = octets

export const LIST_END = 0
export const LIST_TOKEN = 1
export const LIST_MALFORMED = -1

export class TokenList {
  /** Offsets of the token that `next` found. */
  start = 0
  end = 0
  /** Empty elements seen so far. */
  empties = 0
  private pos = 0
  private limit = 0

  /** Begins with the list in `[start, end)` of the buffer that is then given to `next`. */
  open(start: number, end: number): void {
    this.pos = start
    this.limit = end
    this.empties = 0
  }

  /** Finds the next token: LIST_TOKEN with `start` and `end`, LIST_END, or LIST_MALFORMED. */
  next(buffer: Buffer): number {
    const limit = this.limit
    let pos = this.pos
    for (;;) {
      while (pos < limit && isWhitespace(buffer[pos]!)) pos++
      if (pos === limit) {
        this.pos = pos
        return LIST_END
      }
      if (buffer[pos] !== COMMA) break
      this.empties++
      pos++
    }
    this.start = pos
    while (pos < limit && TOKEN[buffer[pos]!] === 1) pos++
    this.end = pos
    while (pos < limit && isWhitespace(buffer[pos]!)) pos++
    if (this.end === this.start || (pos < limit && buffer[pos] !== COMMA)) return LIST_MALFORMED
    if (pos < limit) {
      pos++
      // "a," has an empty element behind the comma.
      if (pos === limit) this.empties++
    }
    this.pos = pos
    return LIST_TOKEN
  }
}

function isWhitespace(octet: number): boolean {
  return octet === SP || octet === HTAB
}
