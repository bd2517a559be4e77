// Brings an answer's body from the endpoint to the client, framed for this client.
//
//   from the endpoint            to HTTP/1.1      to HTTP/1.0
//   Content-Length               the same         the same
//   chunked, or until the close  chunked          until the close
//
// Invariant: an answer that isn't whole never ends like a whole one: no last chunk, not all of its length, or a reset.
import { FRAMING, HEADER, HeadRewrite, LAST_CHUNK, writeTrailers, type MessageHead } from '@plimsoll/http1'
import type { Exchange } from './exchange.ts'
import { writeChunk } from './request-relay.ts'

const NO_REWRITE = new HeadRewrite()
/** Trailers of an answer: a load report is for nobody but us, wherever it stands. */
const ANSWER_TRAILERS = new HeadRewrite()
ANSWER_TRAILERS.skip[HEADER.endpointLoadMetrics] = 1

/** How the end of the answer's body is shown to this client. */
export function framingFor(exchange: Exchange, head: MessageHead): number {
  if (head.framing === FRAMING.none || head.framing === FRAMING.length) return head.framing
  return exchange.versionMinor === 1 ? FRAMING.chunked : FRAMING.untilClose
}

export function relayAnswerBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
  exchange.answerBodyBytes += end - start
  if (exchange.answerFraming === FRAMING.chunked) writeChunk(exchange.client.writer, buffer, start, end)
  else exchange.client.writer.append(buffer, start, end)
}

/** The last chunk with the trailer section behind it; nothing for a client to which chunks mean nothing. */
export function relayAnswerTrailers(exchange: Exchange, trailers: MessageHead): void {
  if (exchange.answerFraming !== FRAMING.chunked) return
  const { writer } = exchange.client
  const out = writer.reserve(trailersRoom(trailers))
  writer.commit(writeTrailers(out, writer.offset, trailers, ANSWER_TRAILERS))
  exchange.answerEnded = true
}

export function relayAnswerEnd(exchange: Exchange): void {
  if (exchange.answerFraming !== FRAMING.chunked || exchange.answerEnded) return
  exchange.client.writer.append(LAST_CHUNK, 0, LAST_CHUNK.length)
}

/** The trailer section as it goes to an endpoint, its last chunk included, in a buffer of its own. */
export function copyTrailers(trailers: MessageHead): Buffer {
  const out = Buffer.allocUnsafe(trailersRoom(trailers))
  return out.subarray(0, writeTrailers(out, 0, trailers, NO_REWRITE))
}

/** What `writeTrailers` asks for. */
function trailersRoom(trailers: MessageHead): number {
  return trailers.end - trailers.start + trailers.headerCount + 8
}
