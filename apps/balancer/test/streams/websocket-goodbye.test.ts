import fc from 'fast-check'
import t from 'tap'
import { WebSocketGoodbye } from '../../src/streams/websocket-goodbye.ts'
import { BINARY, CLOSE, TEXT, closeOf, endsOf, frameBytes, frameStream, parseFrames, type Frame } from './frames.ts'
import { RecordedExits } from './recorded-exits.ts'
import { within } from './splits.ts'

const MASK = Buffer.from([9, 8, 7, 6])
const GONE = { code: 1001, reason: 'draining' }

function text(payload: string, mask: Buffer | null = null): Buffer {
  return frameBytes({ opcode: TEXT, payload, mask })
}

function close(code: number, mask: Buffer | null = null): Buffer {
  return frameBytes({ opcode: CLOSE, payload: Buffer.from([code >> 8, code & 0xff]), mask })
}

function opened() {
  const exits = new RecordedExits()
  const stream = new WebSocketGoodbye(exits, { next: () => 0.3 })
  return {
    exits,
    stream,
    endpoint: (bytes: Buffer) => stream.fromEndpoint(bytes, 0, bytes.length),
    client: (bytes: Buffer) => stream.fromClient(bytes, 0, bytes.length),
  }
}

function lastOf(bytes: Buffer): Frame {
  return parseFrames(bytes).at(-1) as Frame
}

await t.test('between two frames both sides are told at once, the endpoint by a masked frame', t => {
  const { exits, stream, endpoint, client } = opened()
  endpoint(text('a'))
  client(text('b', MASK))
  stream.leave()
  t.ok(stream.isTold)
  t.same(exits.said, ['told websocket'])
  t.same(closeOf(lastOf(exits.client)), GONE)
  t.equal(lastOf(exits.client).masked, false)
  t.same(closeOf(lastOf(exits.endpoint)), GONE)
  t.equal(lastOf(exits.endpoint).masked, true)
  t.end()
})

await t.test('it is over when both sides have answered, and nothing of what they say reaches the other one', t => {
  const { exits, stream, endpoint, client } = opened()
  stream.leave()
  const before = [exits.client, exits.endpoint]
  endpoint(Buffer.concat([text('late'), close(1001)]))
  t.same(exits.said, ['told websocket'])
  client(text('late', MASK))
  const answer = close(1001, MASK)
  client(answer.subarray(0, 3))
  t.same(exits.said, ['told websocket'], 'half an answer is none')
  client(answer.subarray(3))
  t.same(exits.said, ['told websocket', 'over'])
  t.same([exits.client, exits.endpoint], before)
  endpoint(text('later'))
  client(text('later', MASK))
  stream.leave()
  t.same([exits.client, exits.endpoint], before)
  t.same(exits.said, ['told websocket', 'over'])
  t.end()
})

await t.test('within a frame the side that gets it is told behind it, the other one at once', t => {
  const { exits, stream, endpoint, client } = opened()
  const long = text('x'.repeat(300))
  endpoint(long.subarray(0, 100))
  stream.leave()
  t.notOk(stream.isTold)
  t.same(exits.said, [])
  t.same(closeOf(lastOf(exits.endpoint)), GONE)
  client(text('dropped', MASK))
  endpoint(Buffer.concat([long.subarray(100), text('dropped'), close(1001)]))
  t.same(exits.said, ['told websocket'])
  t.same(
    parseFrames(exits.client).map(frame => frame.opcode),
    [TEXT, CLOSE],
  )
  t.same(
    parseFrames(exits.endpoint).map(frame => frame.opcode),
    [CLOSE],
  )
  client(close(1001, MASK))
  t.same(exits.said, ['told websocket', 'over'])
  t.end()
})

await t.test('a fragmented message may be interrupted: the frame behind the fragment is the close frame', t => {
  const { exits, stream, endpoint } = opened()
  endpoint(frameBytes({ opcode: TEXT, fin: false, payload: 'first ' }))
  stream.leave()
  t.same(
    parseFrames(exits.client).map(frame => frame.opcode),
    [TEXT, CLOSE],
  )
  t.end()
})

await t.test('when a side has begun to close, the two are left to it', t => {
  for (const first of ['client', 'endpoint'] as const) {
    const { exits, stream, endpoint, client } = opened()
    if (first === 'client') client(close(1000, MASK))
    else endpoint(close(1000))
    stream.leave()
    if (first === 'client') endpoint(Buffer.concat([text('last'), close(1000)]))
    else client(Buffer.concat([text('last', MASK), close(1000, MASK)]))
    t.same(exits.said, [], first)
    t.equal(closeOf(lastOf(exits.client)).code, 1000, first)
    t.equal(closeOf(lastOf(exits.endpoint)).code, 1000, first)
    t.notOk(stream.isTold)
  }
  t.end()
})

await t.test('a close frame that was under way when it was to leave counts as begun', t => {
  const { exits, stream, endpoint, client } = opened()
  const bye = close(1000, MASK)
  const long = text('x'.repeat(300))
  client(bye.subarray(0, 4))
  endpoint(long.subarray(0, 100))
  stream.leave()
  t.same(exits.said, [])
  client(bye.subarray(4))
  endpoint(Buffer.concat([long.subarray(100), text('last'), close(1000)]))
  t.same(exits.said, [])
  t.same(
    parseFrames(exits.client).map(frame => frame.opcode),
    [TEXT, TEXT, CLOSE],
  )
  t.same(
    parseFrames(exits.endpoint).map(frame => frame.opcode),
    [CLOSE],
  )
  t.end()
})

await t.test('a close frame of the client that was under way is its answer when it was told meanwhile', t => {
  const { exits, stream, endpoint, client } = opened()
  const bye = close(1000, MASK)
  client(bye.subarray(0, 4))
  stream.leave()
  t.same(exits.said, ['told websocket'])
  client(bye.subarray(4))
  t.ok(exits.endpoint.equals(bye), 'the endpoint gets the one of its client, and no second one')
  endpoint(close(1000))
  t.same(exits.said, ['told websocket', 'over'])
  t.same(
    parseFrames(exits.client).map(frame => closeOf(frame)),
    [GONE],
  )
  t.end()
})

await t.test(
  'the last frame and the close frame of the endpoint in one piece: its client, which has closed, is still answered',
  t => {
    const { exits, stream, endpoint, client } = opened()
    const last = text('last')
    endpoint(last.subarray(0, 1))
    const bye = close(1000, MASK)
    client(bye.subarray(0, 1))
    stream.leave()
    endpoint(Buffer.concat([last.subarray(1), close(1000)]))
    client(bye.subarray(1))
    t.same(
      parseFrames(exits.client).map(frame => frame.opcode),
      [TEXT, CLOSE],
    )
    t.same(closeOf(lastOf(exits.client)), GONE)
    t.ok(exits.endpoint.equals(bye))
    t.same(exits.said, ['told websocket', 'over'])
    t.end()
  },
)

await t.test('a client that has closed when the last frame for it ends is answered by us', t => {
  const { exits, stream, endpoint, client } = opened()
  const last = text('last')
  endpoint(last.subarray(0, 1))
  const half = text('half', MASK)
  client(half.subarray(0, 3))
  stream.leave()
  client(Buffer.concat([half.subarray(3), close(1000, MASK)]))
  endpoint(Buffer.concat([last.subarray(1), close(1001)]))
  t.same(closeOf(lastOf(exits.client)), GONE)
  t.same(closeOf(lastOf(exits.endpoint)), GONE)
  t.same(exits.said, ['told websocket', 'over'])
  t.end()
})

await t.test('a direction that cannot be followed passes on as it is; the other one is told', t => {
  const forbidden = Buffer.from('8280ff', 'hex')
  const lost = Buffer.concat([Buffer.from('827fffffffffffffffff', 'hex'), forbidden])
  const fromClient = opened()
  fromClient.client(lost)
  fromClient.stream.leave()
  fromClient.client(forbidden)
  t.ok(fromClient.exits.endpoint.equals(Buffer.concat([lost, forbidden])))
  t.same(closeOf(lastOf(fromClient.exits.client)), GONE)
  t.same(fromClient.exits.said, ['told websocket'])

  const fromEndpoint = opened()
  fromEndpoint.endpoint(lost)
  fromEndpoint.stream.leave()
  fromEndpoint.endpoint(forbidden)
  t.ok(fromEndpoint.exits.client.equals(Buffer.concat([lost, forbidden])))
  t.same(closeOf(lastOf(fromEndpoint.exits.endpoint)), GONE)
  t.same(fromEndpoint.exits.said, [], 'the client was not told')
  t.end()
})

interface Step {
  readonly fromEndpoint: boolean
  readonly bytes: number
}

const steps = fc.array(
  fc.record({
    fromEndpoint: fc.boolean(),
    bytes: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2000 })),
  }),
  { maxLength: 40 },
)

/** Plays the steps, `leave` before the one of that number; then the rest of both. Returns how much each side had sent when it was to leave. */
function play(
  stream: WebSocketGoodbye,
  sent: { endpoint: Buffer; client: Buffer },
  steps: readonly Step[],
  leaveBefore: number,
) {
  let endpointAt = 0
  let clientAt = 0
  let left: { endpointAt: number; clientAt: number } | null = null
  const leave = () => {
    left ??= { endpointAt, clientAt }
    stream.leave()
  }
  const step = ({ fromEndpoint, bytes }: Step) => {
    const of = fromEndpoint ? sent.endpoint : sent.client
    const start = fromEndpoint ? endpointAt : clientAt
    const end = Math.min(of.length, start + bytes)
    if (fromEndpoint) {
      endpointAt = end
      stream.fromEndpoint(...within(of, start, end))
    } else {
      clientAt = end
      stream.fromClient(...within(of, start, end))
    }
  }
  for (const [index, one] of steps.entries()) {
    if (index === leaveBefore) leave()
    step(one)
  }
  if (left === null) leave()
  step({ fromEndpoint: true, bytes: Infinity })
  step({ fromEndpoint: false, bytes: Infinity })
  return left as unknown as { endpointAt: number; clientAt: number }
}

/** What a direction should have let out: all up to the first end of a frame where or behind which it was to leave. */
function upToBoundary(frames: readonly Buffer[], leftAt: number): Buffer {
  const boundary = [...endsOf(frames)].find(end => end >= leftAt) as number
  return Buffer.concat(frames).subarray(0, boundary)
}

await t.test('any frames in any pieces: as they are until told, then up to the end of a frame, then 1001', t => {
  fc.assert(
    fc.property(
      frameStream({ masked: false }),
      frameStream({ masked: true }),
      steps,
      fc.nat(40),
      (down, up, steps, at) => {
        const { exits, stream } = opened()
        const left = play(stream, { endpoint: Buffer.concat(down), client: Buffer.concat(up) }, steps, at)
        const toClient = upToBoundary(down, left.endpointAt)
        const toEndpoint = upToBoundary(up, left.clientAt)
        return (
          exits.client.subarray(0, toClient.length).equals(toClient) &&
          exits.endpoint.subarray(0, toEndpoint.length).equals(toEndpoint) &&
          parseFrames(exits.client.subarray(toClient.length))
            .map(frame => closeOf(frame).code)
            .join() === '1001' &&
          parseFrames(exits.endpoint.subarray(toEndpoint.length)).every(f => f.masked && closeOf(f).code === 1001) &&
          parseFrames(exits.endpoint).at(-1)?.opcode === CLOSE &&
          parseFrames(exits.client).at(-1)?.opcode === CLOSE &&
          exits.said.join() === 'told websocket'
        )
      },
    ),
    { numRuns: 400 },
  )
  t.pass('for 400 random pairs of streams')
  t.end()
})

await t.test(
  'any frames of sides that also close by themselves: each side gets whole frames and at most one close',
  t => {
    const closing = fc.constantFrom('neither', 'endpoint', 'client', 'both')
    fc.assert(
      fc.property(
        frameStream({ masked: false }),
        frameStream({ masked: true }),
        steps,
        fc.nat(40),
        closing,
        (down, up, steps, at, closing) => {
          const { exits, stream } = opened()
          const endpointCloses = closing === 'both' || closing === 'endpoint'
          const clientCloses = closing === 'both' || closing === 'client'
          const endpoint = Buffer.concat(endpointCloses ? [...down, close(1000)] : down)
          const client = Buffer.concat(clientCloses ? [...up, close(1000, MASK)] : up)
          play(stream, { endpoint, client }, steps, at)
          // The parser refuses what is behind a close frame, and what is cut.
          const gotClient = parseFrames(exits.client)
          const gotEndpoint = parseFrames(exits.endpoint)
          if (stream.isTold && closeOf(gotClient.at(-1) as Frame).code !== 1001) return false
          if (closing === 'both') {
            const isByThemselves = exits.client.equals(endpoint) && exits.endpoint.equals(client)
            return (
              gotClient.at(-1)?.opcode === CLOSE &&
              gotEndpoint.at(-1)?.opcode === CLOSE &&
              (isByThemselves || exits.said.at(-1) === 'over')
            )
          }
          return closing !== 'neither' || stream.isTold
        },
      ),
      { numRuns: 400 },
    )
    t.pass('for 400 random pairs of streams')
    t.end()
  },
)

await t.test('without leave a tunnel is transparent, whatever the bytes are', t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 }), pieces => {
      const { exits, stream } = opened()
      const sent: [Buffer[], Buffer[]] = [[], []]
      for (const [fromEndpoint, octets] of pieces) {
        const piece = Buffer.from(octets)
        sent[fromEndpoint ? 0 : 1].push(piece)
        if (fromEndpoint) stream.fromEndpoint(piece, 0, piece.length)
        else stream.fromClient(piece, 0, piece.length)
      }
      return (
        exits.client.equals(Buffer.concat(sent[0])) &&
        exits.endpoint.equals(Buffer.concat(sent[1])) &&
        exits.said.length === 0
      )
    }),
    { numRuns: 300 },
  )
  t.pass('for 300 random tunnels')
  t.end()
})

await t.test('a large frame under way is passed whole before its side is told', t => {
  const { exits, stream, endpoint } = opened()
  const large = frameBytes({ opcode: BINARY, payload: Buffer.alloc(200_000, 7) })
  for (let at = 0; at < large.length; at += 65_536) {
    if (at > 0) stream.leave()
    endpoint(large.subarray(at, at + 65_536))
  }
  const frames = parseFrames(exits.client)
  t.same(
    frames.map(frame => frame.payload.length),
    [200_000, 10],
  )
  t.ok(stream.isTold)
  t.end()
})
