// Cursors of a ledger: the number of a page's last line, as base64url. It's opaque to clients and not signed: a forged one only starts the list elsewhere.
import { ApiError } from '../../../errors.ts'

export function encodeLedgerCursor(sequence: number): string {
  return Buffer.from(String(sequence)).toString('base64url')
}

/**
 * Reads a cursor that a client sent back.
 * @throws API_ERR_CURSOR unless it's exactly what `encodeLedgerCursor` makes of a possible number
 */
export function decodeLedgerCursor(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const sequence = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN
  // Encoding it again refuses every other spelling: base64url has several for some bytes, and Buffer skips characters it doesn't know.
  if (!Number.isSafeInteger(sequence) || encodeLedgerCursor(sequence) !== cursor) {
    throw new ApiError('API_ERR_CURSOR', 'The cursor is not one that this service made; start again without it.', {
      issues: [{ field: 'query.cursor', message: 'must be the `next` of an earlier page' }],
    })
  }
  return sequence
}
