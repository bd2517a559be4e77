// Reads the content of one message and tells the sink: by length, by chunks with their trailer section, or until the connection ends.
// Shared by both parsers, since a body is framed alike in both directions once `message-framing.ts` has decided how.
//
//   idle ─► length ──────────────────────────► idle
//        ─► chunked ─► [trailers] ───────────► idle
//        ─► untilClose ─► (the owner's finish) ► idle
//
// Invariants
// * Content octets are never copied: the sink gets ranges of the buffer given to `read`.
// * After each `onBody` the owner may have asked to stop; then `read` returns at once and goes on from there when called again.
// * The limit on content is checked against what is announced, so that a body too large is refused before it is passed on.
//
// @hot

import { CHUNK_DATA, CHUNK_END, CHUNK_MORE, CHUNK_TRAILERS, ChunkedDecoder } from './chunked-decoder.ts'
import { HeadReader } from './head-reader.ts'
import { TRAILERS } from './head-phases.ts'
import type { Limits } from './limits.ts'
import { FRAMING } from './message-framing.ts'
import type { MessageHead } from './message-head.ts'
import type { MessageSink } from './message-sink.ts'
import { REFUSALS, type Refusal } from './refusals.ts'

/** What `read` came to. */
export const BODY_MORE = 0
export const BODY_END = 1
export const BODY_STOPPED = 2
export const BODY_REFUSED = 3

export class BodyReader {
  /** How far `read` came in its buffer. */
  pos = 0
  refusal: Refusal | null = null
  /** Set by the owner's `stop` or `abandon`: `read` returns behind the event under way. */
  stopped = false
  /** Octets of content that this message may have. */
  maxBytes = Infinity
  private readonly sink: MessageSink
  private readonly limits: Limits
  private framing: number = FRAMING.none
  /** Framing by length: octets still to come. */
  private remaining = 0
  /** Framing by the connection's end: octets that have come. */
  private counted = 0
  private inTrailers = false
  private nominated: readonly string[] | null = null
  /** Both are made when a connection first needs them: most never see a chunk, and of those hardly any a trailer. */
  private decoder: ChunkedDecoder | null = null
  private trailers: HeadReader | null = null

  constructor(sink: MessageSink, limits: Limits) {
    this.sink = sink
    this.limits = limits
  }

  /** Begins with the content of a message, framed as `head` says. `nominated` are names that its Connection fields took from the trailers. */
  begin(head: MessageHead, nominated: readonly string[] | null): void {
    this.framing = head.framing
    this.remaining = head.framing === FRAMING.length ? head.contentLength : 0
    this.counted = 0
    if (head.framing === FRAMING.chunked) {
      this.nominated = nominated
      this.inTrailers = false
      this.decoder ??= new ChunkedDecoder(this.limits.maxChunkExtensionBytes)
      this.decoder.begin()
    }
  }

  /** Reads `[start, end)` up to the end of the content, a stop, a refusal, or the end of the buffer; sets `pos`. */
  read(buffer: Buffer, start: number, end: number): number {
    if (this.framing === FRAMING.chunked)
      return this.inTrailers ? this.readTrailers(buffer, start, end) : this.readChunks(buffer, start, end)
    if (this.framing === FRAMING.length) return this.readLength(buffer, start, end)
    return this.readUntilClose(buffer, start, end)
  }

  private readLength(buffer: Buffer, start: number, end: number): number {
    if (start === end) {
      this.pos = start
      return BODY_MORE
    }
    const to = Math.min(end, start + this.remaining)
    this.remaining -= to - start
    this.pos = to
    const isLast = this.remaining === 0
    this.sink.onBody(buffer, start, to)
    if (isLast) return BODY_END
    return this.stopped ? BODY_STOPPED : BODY_MORE
  }

  private readUntilClose(buffer: Buffer, start: number, end: number): number {
    if (start === end) {
      this.pos = start
      return BODY_MORE
    }
    // What is within the limit is passed on before the refusal, so that the same octets are passed on however they were cut.
    const to = Math.min(end, start + (this.maxBytes - this.counted))
    this.pos = to
    this.counted += to - start
    if (to > start) this.sink.onBody(buffer, start, to)
    if (to < end && !this.stopped) return this.refuse(REFUSALS.bodyTooLarge)
    return this.stopped ? BODY_STOPPED : BODY_MORE
  }

  private readChunks(buffer: Buffer, start: number, end: number): number {
    const decoder = this.decoder!
    let pos = start
    for (;;) {
      const found = decoder.next(buffer, pos, end, this.maxBytes)
      pos = decoder.pos
      this.pos = pos
      switch (found) {
        case CHUNK_DATA:
          this.sink.onBody(buffer, decoder.dataStart, decoder.dataEnd)
          if (this.stopped) return BODY_STOPPED
          break
        case CHUNK_MORE:
          return BODY_MORE
        case CHUNK_END:
          return BODY_END
        case CHUNK_TRAILERS:
          this.trailers ??= new HeadReader(TRAILERS, this.limits)
          this.trailers.begin()
          this.inTrailers = true
          return this.readTrailers(buffer, pos, end)
        default:
          return this.refuse(decoder.refusal!)
      }
    }
  }

  private readTrailers(buffer: Buffer, start: number, end: number): number {
    const reader = this.trailers!
    this.pos = reader.read(buffer, start, end)
    if (reader.scan.refusal !== null) return this.refuse(reader.scan.refusal)
    if (!reader.done) return BODY_MORE
    const head = reader.scan.head
    if (this.nominated !== null) dropNominated(head, this.nominated)
    if (hasForwardable(head)) this.sink.onTrailers(head)
    return BODY_END
  }

  private refuse(refusal: Refusal): number {
    this.refusal = refusal
    return BODY_REFUSED
  }
}

/** RFC 9110, 7.6.1: what Connection names is removed from the trailer section too. */
function dropNominated(trailers: MessageHead, names: readonly string[]): void {
  for (const name of names) {
    for (let i = trailers.findName(name); i !== -1; i = trailers.findName(name, i + 1)) trailers.hopByHop[i] = 1
  }
}

function hasForwardable(trailers: MessageHead): boolean {
  for (let i = 0; i < trailers.headerCount; i++) if (trailers.hopByHop[i] === 0) return true
  return false
}
