// What a parser says, as plain data that two runs can be compared by; and the ways to cut a message into reads.
//
// The recorder is also a hostile owner: each piece lies at an odd offset of a buffer of its own between octets that would be valid
// anywhere, and is overwritten as soon as `execute` returns. A parser that kept an offset into it, or read beyond its end, shows.

import {
  DEFAULT_LIMITS,
  FRAMING,
  HEADER,
  METHOD,
  RequestParser,
  ResponseParser,
  type Limits,
  type MessageHead,
  type MessageSink,
  type Refusal,
} from '@plimsoll/http1'

/** One field: name as sent, value, and whether it may not be forwarded. */
export type Field = readonly [name: string, value: string, hopByHop: boolean]

/** One event, in order; neighbouring pieces of content are joined. */
export type ParserEvent =
  | ({ type: 'head' } & ReturnType<typeof snapshot>)
  | { type: 'body'; content: string }
  | { type: 'trailers'; fields: Field[] }
  | { type: 'end' }
  | { type: 'refusal'; code: string; status: number }

/** The fields of a head or trailer section. */
export function fieldsOf(head: MessageHead): Field[] {
  const fields: Field[] = []
  for (let i = 0; i < head.headerCount; i++) {
    const name = head.buffer.toString('latin1', head.nameStart[i], head.nameEnd[i])
    fields.push([name, head.valueString(i), head.hopByHop[i] === 1])
  }
  return fields
}

function snapshot(head: MessageHead) {
  return {
    method: head.methodString(),
    methodId: head.method,
    target: head.targetString(),
    targetForm: head.targetForm,
    path: head.pathString(),
    query: head.buffer.toString('latin1', head.queryStart, Math.max(head.queryStart, head.pathEnd)),
    host: head.hostString(),
    scheme: head.scheme,
    versionMinor: head.versionMinor,
    status: head.status,
    reason: head.reasonString(),
    interim: head.interim,
    fields: fieldsOf(head),
    ids: [...head.ids.subarray(0, head.headerCount)],
    framing: head.framing,
    contentLength: head.contentLength,
    keepAlive: head.keepAlive,
    upgrade: head.upgrade,
    upgradeToWebSocket: head.upgradeToWebSocket,
    expectContinue: head.expectContinue,
    expectUnknown: head.expectUnknown,
    acceptsTrailers: head.acceptsTrailers,
    raw: head.buffer.toString('latin1', head.start, head.end),
  }
}

export class Recorder implements MessageSink {
  readonly events: ParserEvent[] = []
  refusals = 0
  ends = 0

  onHead(head: MessageHead): void {
    this.add({ type: 'head', ...snapshot(head) })
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    if (start >= end) throw new Error('A piece of content is empty.')
    const content = buffer.toString('latin1', start, end)
    const last = this.events.at(-1)
    if (last?.type === 'body') last.content += content
    else this.add({ type: 'body', content })
  }

  onTrailers(trailers: MessageHead): void {
    this.add({ type: 'trailers', fields: fieldsOf(trailers) })
  }

  onEnd(): void {
    this.ends++
    this.add({ type: 'end' })
  }

  onRefusal(refusal: Refusal): void {
    this.refusals++
    this.add({ type: 'refusal', code: refusal.code, status: refusal.status })
  }

  private add(event: ParserEvent): void {
    if (this.refusals > 1) throw new Error('An event came after a refusal.')
    if (this.refusals === 1 && event.type !== 'refusal') throw new Error('An event came after a refusal.')
    this.events.push(event)
  }
}

/** What came of a stream of octets. */
export interface Outcome {
  events: ParserEvent[]
  /** What the end of the connection meant. */
  finish: string
  /** Octets taken before the parser stopped taking any. */
  taken: number
}

const FILLER = Buffer.from('A: b\r\n\r\nGET / HTTP/1.1\r\n', 'latin1')

/** Gives `octets` to a parser in pieces that end at `cuts` (ascending offsets). `next` is asked when a message has ended: go on? */
function feed(
  parser: { execute(buffer: Buffer, start: number, end: number): number; readonly complete: boolean },
  octets: Buffer,
  cuts: readonly number[],
  next: () => boolean,
): number {
  let taken = 0
  let from = 0
  for (const to of [...cuts, octets.length]) {
    const offset = 1 + (from % 7)
    const piece = Buffer.alloc(offset + (to - from) + FILLER.length, FILLER)
    octets.copy(piece, offset, from, to)
    const end = offset + to - from
    let pos = offset
    while (pos < end) {
      const count = parser.execute(piece, pos, end)
      if (count < 0 || count > end - pos) throw new Error(`execute took ${count} of ${end - pos} octets.`)
      pos += count
      taken += count
      if (parser.complete) {
        if (!next()) return taken
      } else if (count === 0) {
        // Refused: a parser that takes nothing will never take anything.
        return taken
      }
    }
    piece.fill(0x21)
    from = to
  }
  return taken
}

/** Parses a stream of requests, each behind the other, until one is refused or all is read. */
export function parseRequests(octets: Buffer, cuts: readonly number[] = [], limits: Limits = DEFAULT_LIMITS): Outcome {
  const recorder = new Recorder()
  const parser = new RequestParser(recorder, limits)
  const taken = feed(parser, octets, cuts, () => {
    // What stands behind CONNECT is no request.
    if (parser.head.framing === FRAMING.tunnel) return false
    parser.reset()
    return true
  })
  return { events: recorder.events, finish: parser.finish(), taken }
}

/** Parses responses to requests with these methods; what is left when all have been answered isn't taken. */
export function parseResponses(
  octets: Buffer,
  cuts: readonly number[] = [],
  methods: readonly number[] = [METHOD.GET],
  limits: Limits = DEFAULT_LIMITS,
  upgradeAsked = false,
): Outcome {
  const recorder = new Recorder()
  const parser = new ResponseParser(recorder, limits)
  const waiting = [...methods]
  const next = (): boolean => {
    const method = waiting.shift()
    if (method === undefined) return false
    parser.expect(method, upgradeAsked)
    return true
  }
  next()
  const taken = feed(parser, octets, cuts, next)
  return { events: recorder.events, finish: parser.finish(), taken }
}

/** Cuts behind every octet. */
export function everyOctet(octets: Buffer): number[] {
  return Array.from({ length: Math.max(0, octets.length - 1) }, (_, i) => i + 1)
}

/**
 * Parses whole, octet by octet and cut in two at every place, and throws unless all come to the same. Returns what they came to.
 */
export function inAllPieces(octets: Buffer, parse: (octets: Buffer, cuts: readonly number[]) => Outcome): Outcome {
  const whole = parse(octets, [])
  const expected = JSON.stringify(whole)
  const compare = (cuts: readonly number[], how: string): void => {
    const actual = JSON.stringify(parse(octets, cuts))
    if (actual !== expected) {
      throw new Error(
        `${how} comes to\n${actual}\nwhole it comes to\n${expected}\nof ${JSON.stringify(octets.toString('latin1'))}`,
      )
    }
  }
  compare(everyOctet(octets), 'Octet by octet')
  for (let cut = 1; cut < octets.length; cut++) compare([cut], `Cut at ${cut}`)
  return whole
}

/** Octets of a message written as text, one character per octet. */
export function octetsOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** The end of an outcome that is a refusal: its code, or what else it came to. */
export function verdict(outcome: Outcome): string {
  const last = outcome.events.at(-1)
  if (last?.type === 'refusal') return last.code
  return outcome.finish
}

/** The first head of an outcome. */
export function headOf(outcome: Outcome): Extract<ParserEvent, { type: 'head' }> {
  const head = outcome.events.find(event => event.type === 'head')
  if (head === undefined) throw new Error(`There is no head in ${JSON.stringify(outcome)}`)
  return head
}

/** All content of an outcome. */
export function contentOf(outcome: Outcome): string {
  return outcome.events.map(event => (event.type === 'body' ? event.content : '')).join('')
}

/** Names of events in order: `head body end`. */
export function kindsOf(outcome: Outcome): string {
  return outcome.events.map(event => event.type).join(' ')
}

/** The fields of an outcome's first head that may be forwarded, names in lower case, without Host and the framing fields. */
export function endToEndFields(outcome: Outcome): [string, string][] {
  const head = headOf(outcome)
  const written: readonly number[] = [HEADER.host, HEADER.contentLength, HEADER.transferEncoding]
  return head.fields
    .filter(([, , hopByHop], index) => !hopByHop && !written.includes(head.ids[index]!))
    .map(([name, value]) => [name.toLowerCase(), value])
}
