// A backend that costs as little as possible: a raw socket server that answers a constant, but for the ten digits that a request names.
// A program of its own, started over IPC; it ends with whoever started it.
//
// Not an HTTP server: it trusts that requests are whole and framed by Content-Length or chunked coding, as proxies send them. It answers all
// requests that one read brought by one write, so that pipelining shows what it's worth.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type BackendListening, ID_DIGITS, idOffset, type SizeLetter, SIZES } from './load-protocol.ts'

const PORTS = 2
const HEAD_END = Buffer.from('\r\n\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
const CODE_P = 0x50
const CODE_B = 0x62
const NOTHING = Buffer.alloc(0)

interface Answer {
  readonly bytes: Buffer
  readonly idAt: number
}

const answers = Object.fromEntries(
  Object.entries(SIZES).map(([letter, bodyBytes]) => [letter, makeAnswer(bodyBytes)]),
) as Record<SizeLetter, Answer>

function makeAnswer(bodyBytes: number): Answer {
  const head = `HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: ${bodyBytes}\r\n\r\n`
  return { bytes: Buffer.from(head + 'x'.repeat(bodyBytes)), idAt: head.length }
}

function serve(socket: Socket): void {
  let rest = NOTHING
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const out: Buffer[] = []
    let at = 0
    for (;;) {
      const end = requestEnd(bytes, at)
      if (end === -1) break
      out.push(answerTo(bytes, at))
      at = end
    }
    rest = at === bytes.length ? NOTHING : Buffer.from(bytes.subarray(at))
    if (out.length === 1) socket.write(out[0] ?? NOTHING)
    else if (out.length > 1) socket.write(Buffer.concat(out))
  })
}

/** Offset behind the request that begins at `at`; -1 when it isn't whole. */
function requestEnd(bytes: Buffer, at: number): number {
  const headEnd = bytes.indexOf(HEAD_END, at)
  if (headEnd === -1) return -1
  const bodyAt = headEnd + HEAD_END.length
  if (bytes[at] !== CODE_P) return bodyAt
  const head = bytes.toString('latin1', at, headEnd)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = bodyAt + Number(length)
    return end <= bytes.length ? end : -1
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return bodyAt
  // The bodies of the bench hold no such bytes, so this is the end of the coding.
  const last = bytes.indexOf(LAST_CHUNK, bodyAt)
  return last === -1 ? -1 : last + LAST_CHUNK.length
}

/** A copy of the constant with the request's number in it; written bytes belong to the socket until they're sent. */
function answerTo(bytes: Buffer, at: number): Buffer {
  const isPost = bytes[at] === CODE_P
  const idAt = at + idOffset(isPost ? 'POST' : 'GET')
  const letter = bytes[idAt - 1] === CODE_B ? 'b' : 'a'
  const { bytes: constant, idAt: answerIdAt } = answers[letter]
  const answer = Buffer.allocUnsafe(constant.length)
  constant.copy(answer)
  bytes.copy(answer, answerIdAt, idAt, idAt + ID_DIGITS)
  return answer
}

async function listen(): Promise<number> {
  const server = createServer(serve)
  await new Promise<void>(resolve => server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, resolve))
  return (server.address() as AddressInfo).port
}

const ports = await Promise.all(Array.from({ length: PORTS }, listen))
const listening: BackendListening = { kind: 'listening', ports }
process.once('disconnect', () => process.exit(0))
process.send?.(listening)
