// Field lines that we make ourselves: checked where they are made, so that the head writer can copy them unseen.
//
// Invariant: a line made here has a token for a name and no control character in its value, and isn't one of the four fields that only
// the head writer may write (Host, Content-Length, Transfer-Encoding, Connection): with those, a head could contradict itself.

import { FIELD_VALUE, TOKEN } from './character-tables.ts'
import { Http1UsageError } from './errors.ts'

const WRITTEN_BY_HEAD_WRITER: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
])

/**
 * Writes `name: value CRLF` into `out` at `offset`. Returns the new offset, or -1 if there's no room.
 * @throws Http1UsageError `HTTP1_ERR_FIELD_LINE` for a name that isn't a token or that the head writer keeps for itself, and for a value
 *   with a control character or a character above U+00FF.
 */
export function writeFieldLine(out: Buffer, offset: number, name: string, value: string): number {
  checkFieldLine(name, value)
  if (offset + name.length + value.length + 4 > out.length) return -1
  let pos = offset + out.write(name, offset, 'latin1')
  out[pos++] = 0x3a
  out[pos++] = 0x20
  pos += out.write(value, pos, 'latin1')
  out[pos++] = 0x0d
  out[pos++] = 0x0a
  return pos
}

/** The same into a buffer of its own: for lines that are made once and sent often. */
export function encodeFieldLine(name: string, value: string): Buffer {
  const line = Buffer.alloc(name.length + value.length + 4)
  writeFieldLine(line, 0, name, value)
  return line
}

function checkFieldLine(name: string, value: string): void {
  if (name === '' || !consistsOf(name, TOKEN)) {
    throw new Http1UsageError(
      'HTTP1_ERR_FIELD_LINE',
      `${JSON.stringify(name)} isn't a field name (a token by RFC 9110, 5.6.2).`,
    )
  }
  if (WRITTEN_BY_HEAD_WRITER.has(name.toLowerCase())) {
    throw new Http1UsageError('HTTP1_ERR_FIELD_LINE', `${name} is written by the head writer alone.`)
  }
  if (!consistsOf(value, FIELD_VALUE)) {
    throw new Http1UsageError(
      'HTTP1_ERR_FIELD_LINE',
      `The value of ${name} has a character that no field value may have.`,
    )
  }
}

function consistsOf(text: string, allowed: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (allowed[text.charCodeAt(i)] !== 1) return false
  return true
}
