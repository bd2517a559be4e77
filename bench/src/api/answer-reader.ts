// The answers of one connection: bytes in any pieces, an answer when it's whole. HTTP/1.1 with content-length or chunks, no more than services here send.
//
//   HTTP/1.1 200 OK CRLF *(field CRLF) CRLF body        body = content-length bytes, or chunks up to the empty one
//
// Answers come in one piece or a few, so it begins anew with each: that's simpler than remembering where it was, and in the usual case there's nothing to remember.
// @hot

export interface Answer {
  readonly status: number
  /** Status line and fields, without the empty line. */
  readonly head: string
  /** Without chunks; still in its content coding. */
  readonly body: Buffer
}

const HEAD_END = '\r\n\r\n'
const LINE_END = '\r\n'
const NOTHING: Buffer = Buffer.alloc(0)

export class AnswerReader {
  #bytes = NOTHING

  /** The answer that these bytes complete; null: more are to come. @throws Error for bytes that are none, and for more than one answer */
  take(chunk: Buffer): Answer | null {
    const bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    this.#bytes = bytes
    const headEnd = bytes.indexOf(HEAD_END)
    if (headEnd === -1) return null
    const head = bytes.toString('latin1', 0, headEnd)
    const status = Number(/^HTTP\/1\.1 (\d{3})\b/.exec(head)?.[1])
    if (!(status >= 200)) throw new Error(`no answer begins like this: ${JSON.stringify(head.slice(0, 80))}`)
    const bodyAt = headEnd + HEAD_END.length
    const length = fieldOf(head, 'content-length')
    const read = length === null ? readChunks(bytes, bodyAt, head) : readLength(bytes, bodyAt, length)
    if (read === null) return null
    if (read.end < bytes.length) throw new Error(`${bytes.length - read.end} bytes too many behind an answer`)
    this.#bytes = NOTHING
    return { status, head, body: read.body }
  }
}

/** Names come as they were given, in any case. */
const FIELDS = {
  'content-length': fieldPattern('content-length'),
  'transfer-encoding': fieldPattern('transfer-encoding'),
  'content-encoding': fieldPattern('content-encoding'),
  'cache-status': fieldPattern('cache-status'),
  connection: fieldPattern('connection'),
} as const

/** The value of a field; null when it isn't there. */
export function fieldOf(head: string, name: keyof typeof FIELDS): string | null {
  return FIELDS[name].exec(head)?.[1] ?? null
}

function fieldPattern(name: string): RegExp {
  return new RegExp(String.raw`\r\n${name}: *([^\r]*)`, 'i')
}

interface Body {
  readonly body: Buffer
  /** Where the next answer would begin. */
  readonly end: number
}

function readLength(bytes: Buffer, at: number, length: string): Body | null {
  const end = at + Number(length)
  return bytes.length < end ? null : { body: bytes.subarray(at, end), end }
}

/** RFC 9112, 7.1; no trailers. */
function readChunks(bytes: Buffer, from: number, head: string): Body | null {
  if (fieldOf(head, 'transfer-encoding')?.toLowerCase() !== 'chunked') throw new Error('an answer without a length')
  const pieces: Buffer[] = []
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf(LINE_END, at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(size)) throw new Error('a chunk without a size')
    const start = lineEnd + LINE_END.length
    const next = start + size + LINE_END.length
    if (bytes.length < next) return null
    if (size === 0) return { body: Buffer.concat(pieces), end: next }
    pieces.push(bytes.subarray(start, start + size))
    at = next
  }
}
