// A WebSocket's tunnel: bytes pass as they are, and each side may end its half.
//
//   client ──bytes──► endpoint        back-pressure: whoever reads pauses while the other side's socket has too much to write
//   client ◄──bytes── endpoint
import type { Exchange } from './exchange.ts'

export function relayToClient(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
  exchange.answerBodyBytes += end - start
  exchange.client.writer.append(buffer, start, end)
}

export function relayToEndpoint(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
  const { connection, client } = exchange
  if (connection === null) return
  exchange.requestBodyBytes += end - start
  connection.writer.append(buffer, start, end)
  if (connection.isCongested) client.pause()
}

/** The endpoint sends no more; it may still read. True when both sides have ended. */
export function onEndpointEnd(exchange: Exchange): boolean {
  if (exchange.clientEnded) return true
  exchange.upstreamEnded = true
  exchange.client.writer.flush()
  exchange.client.socket.end()
  return false
}

/** The client sends no more; it may still read. True when both sides have ended. */
export function onClientEnd(exchange: Exchange): boolean {
  if (exchange.upstreamEnded) return true
  exchange.connection?.writer.flush()
  exchange.connection?.socket.end()
  return false
}
