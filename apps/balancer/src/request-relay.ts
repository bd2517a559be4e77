// Brings a request's body from the client to the endpoint.
//
//   client ──pieces──► held (until a connection is ready, and as long as it may be sent again) ──► endpoint
//
// Invariants
// * No more than `maxHeldBytes` are held, plus what was read when that was reached: while no connection is ready the client is paused.
// * A body is held whole or not at all: what's held can always be sent from its beginning.
// * Chunks are framed anew, so that no framing of a client reaches an endpoint.
import { CRLF, LAST_CHUNK, MAX_CHUNK_HEAD_BYTES, writeChunkHead } from '@plimsoll/http1'
import type { Exchange } from './exchange.ts'
import type { SocketWriter } from './transport/output-slab.ts'
import type { UpstreamConnection } from './upstream/connection.ts'

export class RequestRelay {
  readonly #maxHeldBytes: number

  /** `maxHeldBytes`: largest body that can be sent again, and most that waits for a connection. */
  constructor(maxHeldBytes: number) {
    this.#maxHeldBytes = maxHeldBytes
  }

  /** A piece of the body has come from the client. `keepAfterSending`: it may have to be sent again. */
  takePiece(exchange: Exchange, buffer: Buffer, start: number, end: number, keepAfterSending: boolean): void {
    exchange.requestBodyBytes += end - start
    exchange.awaitsContinue = false
    const connection = exchange.phase === 'sent' || exchange.phase === 'answering' ? exchange.connection : null
    const held = exchange.heldBody
    if (held !== null) {
      const fits = held.length + (end - start) <= this.#maxHeldBytes
      if (connection === null || (fits && keepAfterSending)) held.append(buffer, start, end)
      else exchange.heldBody = null
      if (connection === null && !fits) exchange.client.pause()
    }
    if (connection === null) return
    writePiece(exchange, connection.writer, buffer, start, end)
    if (connection.isCongested) exchange.client.pause()
  }

  /** Sends what is held from the beginning, over a connection that has just been given the head. */
  sendHeld(exchange: Exchange, connection: UpstreamConnection, keepAfterSending: boolean): void {
    const held = exchange.heldBody
    if (held === null) return
    const { bytes } = held
    writePiece(exchange, connection.writer, bytes, 0, bytes.length)
    if (!keepAfterSending || bytes.length > this.#maxHeldBytes) exchange.heldBody = null
  }

  /** The request is whole: ends its framing. */
  sendEnd(exchange: Exchange, connection: UpstreamConnection): void {
    if (exchange.requestIsChunked) {
      const last = exchange.requestTrailers ?? LAST_CHUNK
      connection.writer.append(last, 0, last.length)
    }
    connection.endRequest()
  }
}

function writePiece(exchange: Exchange, writer: SocketWriter, buffer: Buffer, start: number, end: number): void {
  if (exchange.requestIsChunked) writeChunk(writer, buffer, start, end)
  else writer.append(buffer, start, end)
}

/** One chunk around a piece of content; nothing for an empty piece, which would end the body. */
export function writeChunk(writer: SocketWriter, buffer: Buffer, start: number, end: number): void {
  if (end === start) return
  const out = writer.reserve(MAX_CHUNK_HEAD_BYTES)
  writer.commit(writeChunkHead(out, writer.offset, end - start))
  writer.append(buffer, start, end)
  writer.append(CRLF, 0, CRLF.length)
}
