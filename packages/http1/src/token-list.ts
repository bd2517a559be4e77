// Walks a comma-separated list of tokens, in place: Connection, Transfer-Encoding, TE, Expect.
//
// #token => [ element ] *( OWS "," OWS [ element ] )                                             RFC 9110, 5.6.1.2
//
// Empty elements are skipped, since a recipient has to cope with them (RFC 9110, 5.6.1.2).
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
  private pos = 0
  private limit = 0

  /** Begins with the list in `[start, end)` of the buffer that is then given to `next`. */
  open(start: number, end: number): void {
    this.pos = start
    this.limit = end
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
      pos++
    }
    this.start = pos
    while (pos < limit && TOKEN[buffer[pos]!] === 1) pos++
    this.end = pos
    while (pos < limit && isWhitespace(buffer[pos]!)) pos++
    if (this.end === this.start || (pos < limit && buffer[pos] !== COMMA)) return LIST_MALFORMED
    this.pos = pos < limit ? pos + 1 : pos
    return LIST_TOKEN
  }
}

function isWhitespace(octet: number): boolean {
  return octet === SP || octet === HTAB
}
