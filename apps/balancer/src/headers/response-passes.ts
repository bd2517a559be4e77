// What changes in an answer's head on its way to the client:
//
//   1. hop-by-hop fields go (the codec marks them), and so do the load report and the endpoint's own request id
//   2. framing and Connection are written for this client (RFC 9112, 6 and 9.3)
//   3. X-Request-Id is added, what's left of the limits by address, and Date if the endpoint said none (RFC 9110, 6.6.1)
//
// RateLimit and RateLimit-Policy are lists of rules by name, so ours stand beside those of an endpoint that has limits of its own.
import {
  CONNECTION,
  FRAMING,
  HEADER,
  HeadRewrite,
  METHOD,
  headRoom,
  writeOwnResponseHead,
  writeResponseHead,
  type MessageHead,
} from '@plimsoll/http1'
import { PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'
import type { Exchange } from '../exchange.ts'
import type { SocketWriter } from '../transport/output-slab.ts'

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

const UPGRADE_TO_WEBSOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

export class ResponsePasses {
  readonly #rewrite = new HeadRewrite()
  readonly #own = new HeadRewrite()
  #dateLine = ''
  #dateAtS = 0

  constructor() {
    this.#rewrite.skip[HEADER.endpointLoadMetrics] = 1
    this.#rewrite.skip[HEADER.xRequestId] = 1
  }

  /** Writes the final head of an endpoint's answer. */
  writeAnswer(writer: SocketWriter, exchange: Exchange, head: MessageHead, framing: number): void {
    const rewrite = this.#rewrite
    rewrite.connection = head.framing === FRAMING.tunnel ? CONNECTION.upgrade : connectionFor(exchange)
    const date = passesOn(head, HEADER.date) ? '' : this.#date()
    // 426 has to say to what (RFC 9110, 15.5.22); only WebSocket is spoken here.
    const upgrade = head.status === 426 && head.upgradeToWebSocket ? UPGRADE_TO_WEBSOCKET : ''
    const lines = `${upgrade}${date}${exchange.rateLimitFields}X-Request-Id: ${exchange.id}\r\n`
    rewrite.setExtra(Buffer.from(lines, 'latin1'))
    const out = writer.reserve(headRoom(head, rewrite))
    writer.commit(writeResponseHead(out, writer.offset, head, framing, rewrite))
  }

  /** Writes an interim (1xx) head. */
  writeInterim(writer: SocketWriter, head: MessageHead): void {
    const rewrite = this.#rewrite
    rewrite.connection = CONNECTION.none
    rewrite.setExtra()
    const out = writer.reserve(headRoom(head, rewrite))
    writer.commit(writeResponseHead(out, writer.offset, head, FRAMING.none, rewrite))
  }

  /** Writes an answer of the balancer's own. `fields` are whole lines with their CRLF. */
  writeOwn(writer: SocketWriter, exchange: Exchange, status: number, fields: string, body: string): void {
    const rewrite = this.#own
    const bytes = Buffer.from(body, 'utf8')
    rewrite.connection = connectionFor(exchange)
    const type = body === '' ? '' : `Content-Type: ${PROBLEM_MEDIA_TYPE}\r\nCache-Control: no-store\r\n`
    const lines = `${this.#date()}${type}${exchange.rateLimitFields}X-Request-Id: ${exchange.id}\r\n${fields}`
    rewrite.setExtra(Buffer.from(lines, 'latin1'))
    const reason = REASONS[status] ?? 'Error'
    const out = writer.reserve(rewrite.extra.length + reason.length + 512)
    writer.commit(writeOwnResponseHead(out, writer.offset, status, reason, bytes.length, rewrite))
    if (exchange.methodId !== METHOD.HEAD) writer.append(bytes, 0, bytes.length)
  }

  /** IMF-fixdate (RFC 9110, 5.6.7), made once a second. */
  #date(): string {
    const nowS = Math.floor(Date.now() / 1000)
    if (nowS !== this.#dateAtS) {
      this.#dateAtS = nowS
      this.#dateLine = `Date: ${new Date(nowS * 1000).toUTCString()}\r\n`
    }
    return this.#dateLine
  }
}

/** Whether the client gets a field with this id: Connection may have taken away what there is of it. */
function passesOn(head: MessageHead, id: number): boolean {
  let index = head.find(id)
  while (index !== -1 && head.hopByHop[index] === 1) index = head.find(id, index + 1)
  return index !== -1
}

/** HTTP/1.1 keeps a connection unless it says close; HTTP/1.0 closes it unless it says keep-alive. */
function connectionFor(exchange: Exchange): number {
  if (exchange.closeAfter) return CONNECTION.close
  return exchange.versionMinor === 0 ? CONNECTION.keepAlive : CONNECTION.none
}
