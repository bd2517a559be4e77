// Clients that nobody here has written take the goodbye for what it is. Tunnel and answer are joined by hand.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { rawServer, spawnProgram, type RawPeer } from '@plimsoll/testing'
import { EventStreamGoodbye } from '../../src/streams/event-stream-goodbye.ts'
import type { StreamExits } from '../../src/streams/stream-goodbye.ts'
import { WebSocketGoodbye } from '../../src/streams/websocket-goodbye.ts'
import { CLOSE, TEXT, closeOf, frameBytes, parseFrames, type Frame } from './frames.ts'

/** RFC 6455, 4.2.2. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** What a field of a request head says. */
function fieldOf(head: Buffer, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*)\r$`, 'im').exec(head.toString('latin1'))?.[1]
}

/** An endpoint that says everything twice, and answers a close frame by the same. It hears whole frames, as each of them comes at once. */
class Echo {
  readonly heard: Frame[] = []
  readonly #say: (bytes: Buffer) => void

  constructor(say: (bytes: Buffer) => void) {
    this.#say = say
  }

  hear(bytes: Buffer): void {
    for (const frame of parseFrames(bytes)) {
      this.heard.push(frame)
      const { opcode, payload } = frame
      const answer = frameBytes({ opcode, payload })
      setImmediate(() => this.#say(opcode === CLOSE ? answer : Buffer.concat([answer, answer])))
    }
  }
}

function joined(peer: RawPeer): { stream: WebSocketGoodbye; endpoint: Echo; isOver: Promise<void> } {
  const over = Promise.withResolvers<void>()
  const endpoint = new Echo(bytes => stream.fromEndpoint(bytes, 0, bytes.length))
  const exits: StreamExits = {
    toClient: (buffer, start, end) => void peer.write(Buffer.from(buffer.subarray(start, end))),
    toEndpoint: (buffer, start, end) => endpoint.hear(Buffer.from(buffer.subarray(start, end))),
    onStreamTold: () => {},
    onStreamOver: () => {
      over.resolve()
      peer.end()
    },
  }
  const stream = new WebSocketGoodbye(exits, { next: Math.random })
  peer.socket.on('data', (chunk: Buffer) => stream.fromClient(chunk, 0, chunk.length))
  return { stream, endpoint, isOver: over.promise }
}

await t.test('a WebSocket of Node is closed cleanly with 1001, behind all that it was sent before', async t => {
  const opened = Promise.withResolvers<ReturnType<typeof joined>>()
  const server = await rawServer(t, async peer => {
    const head = await peer.readUntil('\r\n\r\n')
    const key = fieldOf(head, 'sec-websocket-key') ?? ''
    const accept = createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64')
    opened.resolve(joined(peer))
    const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket'
    await peer.write(`${switched}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
  })
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/chat`)
  t.teardown(() => client.close())
  const { stream, endpoint, isOver } = await opened.promise
  await once(client, 'open')
  const messages: unknown[] = []
  const second = Promise.withResolvers<void>()
  client.addEventListener('message', ({ data }) => {
    if (messages.push(data) === 2) second.resolve()
  })
  client.send('hello')
  await second.promise
  const unfinished = frameBytes({ opcode: TEXT, payload: 'x'.repeat(1000) })
  stream.fromEndpoint(unfinished, 0, 500)
  const closed = once(client, 'close') as Promise<[CloseEvent]>
  stream.leave()
  client.send('too late')
  stream.fromEndpoint(unfinished, 500, unfinished.length)
  const [{ code, reason, wasClean }] = await closed
  await isOver
  t.same({ code, reason, wasClean }, { code: 1001, reason: 'draining', wasClean: true })
  t.same(messages, ['hello', 'hello', 'x'.repeat(1000)])
  t.same(
    endpoint.heard.map(frame => (frame.opcode === CLOSE ? closeOf(frame).code : frame.payload.toString())),
    ['hello', 1001],
  )
})

/** Ends when told not to come back. The interval keeps the process: an EventSource that waits doesn't. */
const READER = `
const stay = setInterval(() => {}, 1000)
const source = new EventSource(process.argv[1])
source.onmessage = event => console.log(event.lastEventId + ' ' + event.data)
source.onerror = () => {
  if (source.readyState !== EventSource.CLOSED) return
  console.log('closed')
  clearInterval(stay)
}`

await t.test('an EventSource of Node gets whole events, comes back, and says where it was', async t => {
  const lastIds: (string | undefined)[] = []
  const server = await rawServer(t, async (peer, index) => {
    const head = await peer.readUntil('\r\n\r\n', { timeoutMs: 10_000 })
    lastIds.push(fieldOf(head, 'last-event-id'))
    if (index > 0) {
      // An EventSource doesn't come back after 204 (HTML Living Standard, 9.2.2).
      await peer.write('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n')
      return peer.end()
    }
    await peer.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    const stream = new EventStreamGoodbye(
      {
        toClient: (buffer, start, end) =>
          void peer.write(`${(end - start).toString(16)}\r\n${buffer.toString('latin1', start, end)}\r\n`),
        toEndpoint: () => {},
        onStreamTold: () => {},
        onStreamOver: () => {
          void peer.write('0\r\n\r\n')
          peer.end()
        },
      },
      { next: () => 0 },
    )
    const say = (text: string) => stream.fromEndpoint(Buffer.from(text), 0, text.length)
    say('id: 7\ndata: one\n\nid: 8\r\nda')
    stream.leave()
    say('ta: two\r\n\r\nid: 9\ndata: never\n\n')
  })
  const reader = await spawnProgram(t, ['node', '--experimental-eventsource', '-e', READER, `${server.url}/events`])
  await reader.exited
  t.equal(reader.stdout, '7 one\n8 two\nclosed\n')
  t.same(lastIds, [undefined, '8'])
})
