// Frames of a WebSocket for tests: written in every form that RFC 6455 has, and read back by a parser that forgives nothing.
import fc from 'fast-check'

export interface Frame {
  readonly fin: boolean
  readonly opcode: number
  readonly masked: boolean
  readonly payload: Buffer
}

export interface FrameToWrite {
  readonly opcode: number
  readonly fin?: boolean
  readonly payload?: Buffer | string
  /** Null for an unmasked frame. */
  readonly mask?: Buffer | null
  /** Octets of the extended length; the shortest that fits unless given. */
  readonly lengthBytes?: 0 | 2 | 8
}

export const TEXT = 1
export const BINARY = 2
export const CONTINUATION = 0
export const CLOSE = 8
export const PING = 9

export function frameBytes({ opcode, fin = true, payload = '', mask = null, lengthBytes }: FrameToWrite): Buffer {
  const content = Buffer.from(payload)
  const extended = lengthBytes ?? (content.length < 126 ? 0 : content.length < 65_536 ? 2 : 8)
  const head = Buffer.alloc(2 + extended)
  head[0] = (fin ? 0x80 : 0) | opcode
  head[1] = (mask ? 0x80 : 0) | (extended === 0 ? content.length : extended === 2 ? 126 : 127)
  if (extended === 2) head.writeUInt16BE(content.length, 2)
  if (extended === 8) head.writeBigUInt64BE(BigInt(content.length), 2)
  return mask ? Buffer.concat([head, mask, masked(content, mask)]) : Buffer.concat([head, content])
}

/** Reads whole frames and nothing else. @throws Error for anything that a strict peer would refuse. */
export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  let at = 0
  let isInMessage = false
  const take = (count: number): Buffer => {
    if (at + count > bytes.length) throw new Error(`a frame is cut at ${bytes.length}`)
    at += count
    return bytes.subarray(at - count, at)
  }
  while (at < bytes.length) {
    if (frames.at(-1)?.opcode === CLOSE) throw new Error(`octets at ${at} behind a close frame`)
    const head = take(2)
    const first = head[0] as number
    const second = head[1] as number
    const opcode = first & 0x0f
    const fin = first > 0x7f
    if ((first & 0x70) !== 0) throw new Error('reserved bits are set')
    if (![CONTINUATION, TEXT, BINARY, CLOSE, PING, 10].includes(opcode)) throw new Error(`opcode ${opcode}`)
    const short = second & 0x7f
    if (opcode >= CLOSE && (!fin || short > 125)) throw new Error('a control frame is fragmented or too long')
    const length = short === 127 ? Number(take(8).readBigUInt64BE()) : short === 126 ? take(2).readUInt16BE() : short
    const mask = second > 0x7f ? take(4) : null
    const content = take(length)
    if (opcode < CLOSE) {
      if ((opcode === CONTINUATION) !== isInMessage) throw new Error(`opcode ${opcode} in the wrong place`)
      isInMessage = !fin
    }
    frames.push({ fin, opcode, masked: mask !== null, payload: mask ? masked(content, mask) : Buffer.from(content) })
  }
  return frames
}

/** Code and reason of a close frame. */
export function closeOf({ opcode, payload }: Frame): { code: number; reason: string } {
  if (opcode !== CLOSE) throw new Error(`opcode ${opcode} is no close`)
  return { code: payload.readUInt16BE(), reason: payload.toString('utf8', 2) }
}

function masked(content: Buffer, mask: Buffer): Buffer {
  return Buffer.from(content.map((octet, i) => octet ^ (mask[i & 3] as number)))
}

const payloadBytes = fc.oneof(
  { weight: 8, arbitrary: fc.nat(20) },
  { weight: 2, arbitrary: fc.integer({ min: 120, max: 300 }) },
  { weight: 1, arbitrary: fc.constantFrom(125, 126, 127, 65_535, 65_536) },
)

/** Frames of whole messages, fragmented or not, with pings in between. Each frame's octets are apart, so that its end is known. */
export function frameStream(options: { masked: boolean; maxMessages?: number }): fc.Arbitrary<Buffer[]> {
  const mask = options.masked
    ? fc.uint8Array({ minLength: 4, maxLength: 4 }).map(octets => Buffer.from(octets))
    : fc.constant(null)
  const payload = fc.tuple(payloadBytes, fc.nat(255)).map(([bytes, octet]) => Buffer.alloc(bytes, octet))
  const fragment = fc.record({ payload, mask, ping: fc.boolean(), long: fc.boolean() })
  const message = fc.record({
    opcode: fc.constantFrom(TEXT, BINARY),
    fragments: fc.array(fragment, { minLength: 1, maxLength: 3 }),
  })
  return fc.array(message, { maxLength: options.maxMessages ?? 5 }).map(messages =>
    messages.flatMap(({ opcode, fragments }) =>
      fragments.flatMap(({ payload, mask, ping, long }, i) => {
        const fin = i === fragments.length - 1
        const lengthBytes = long ? { lengthBytes: 8 as const } : {}
        const frame = frameBytes({ opcode: i === 0 ? opcode : CONTINUATION, fin, payload, mask, ...lengthBytes })
        return ping ? [frameBytes({ opcode: PING, payload: 'p', mask }), frame] : [frame]
      }),
    ),
  )
}

/** Offsets at which `pieces` end, when they stand one behind the other; 0 is among them. */
export function endsOf(pieces: readonly Buffer[]): Set<number> {
  const ends = new Set([0])
  let at = 0
  for (const piece of pieces) ends.add((at += piece.length))
  return ends
}
