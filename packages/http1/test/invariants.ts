// What has to hold for every stream of octets, as checks that throw with all that's needed to repeat them. The tests run them on some
// hundreds of generated streams, the long fuzz on as many as there is time for.

import assert from 'node:assert/strict'
import {
  createLimits,
  FRAMING,
  HeadRewrite,
  METHOD,
  RequestParser,
  ResponseParser,
  writeRequestHead,
  writeResponseHead,
  type MessageHead,
  type MessageSink,
} from '@plimsoll/http1'
import { cutsOf } from './messages.ts'
import { readRequests, readResponse, type OracleMessage, type OracleReading } from './oracle.ts'
import {
  endToEndFields,
  everyOctet,
  headOf,
  octetsOf,
  parseRequests,
  parseResponses,
  type Outcome,
} from './recorder.ts'

/** So narrow that the limits are met all the time. */
const narrow = createLimits({
  maxHeadBytes: 70,
  maxHeaders: 3,
  maxTargetBytes: 8,
  maxMethodBytes: 5,
  maxLeadingEmptyLines: 1,
  maxConnectionOptions: 2,
  maxBodyBytes: 8,
  maxChunkExtensionBytes: 4,
  maxTrailerBytes: 12,
  maxTrailers: 1,
  maxInterimResponses: 1,
})

/** Throws unless the octets come to the same whole, cut at these places and octet by octet. The parser itself must not throw at all. */
export function checkCuts(
  octets: Buffer,
  cuts: readonly number[],
  parse: (octets: Buffer, cuts: readonly number[]) => Outcome,
): void {
  const whole = JSON.stringify(parse(octets, []))
  for (const given of [cutsOf(cuts, octets.length), everyOctet(octets)]) {
    const cut = JSON.stringify(parse(octets, given))
    if (cut !== whole) throw new Error(`Cut at ${given.join()} it comes to\n${cut}\nwhole to\n${whole}`)
  }
}

export const asRequests = (octets: Buffer, cuts: readonly number[]): Outcome => parseRequests(octets, cuts)
export const asNarrowRequests = (octets: Buffer, cuts: readonly number[]): Outcome =>
  parseRequests(octets, cuts, narrow)
export const asResponses = (octets: Buffer, cuts: readonly number[]): Outcome =>
  parseResponses(octets, cuts, [METHOD.GET, METHOD.HEAD, METHOD.CONNECT, METHOD.GET])
export const asNarrowResponses = (octets: Buffer, cuts: readonly number[]): Outcome =>
  parseResponses(octets, cuts, [METHOD.GET, METHOD.GET], narrow, true)

/**
 * That two requests behind one another come to what they come to with a parser each: that nothing of one message is left for the next.
 * Returns whether the first was whole, so that there was something to compare.
 */
export function checkRequestsIndependent(first: string, second: string): boolean {
  const alone = parseRequests(octetsOf(first))
  if (alone.finish !== 'idle' || alone.events.length === 0 || alone.events.at(-1)?.type !== 'end') return false
  // Half of an empty line behind it, which the second would have to complete.
  if (first.endsWith('\r')) return false
  const together = parseRequests(octetsOf(first + second))
  const expected = [...alone.events, ...parseRequests(octetsOf(second)).events]
  assert.deepEqual(together.events, expected, JSON.stringify([first, second]))
  return true
}

/** The same for two responses to GET on one connection. */
export function checkResponsesIndependent(first: string, second: string): boolean {
  const octets = octetsOf(first)
  const alone = parseResponses(octets)
  if (alone.finish !== 'complete' || alone.taken !== octets.length || alone.events.at(-1)?.type !== 'end') return false
  if (alone.events.some(event => event.type === 'head' && event.framing === FRAMING.untilClose)) return false
  const together = parseResponses(octetsOf(first + second), [], [METHOD.GET, METHOD.GET])
  const expected = [...alone.events, ...parseResponses(octetsOf(second)).events]
  assert.deepEqual(together.events, expected, JSON.stringify([first, second]))
  return true
}

const FRAMINGS = Object.keys(FRAMING) as (keyof typeof FRAMING)[]

/** The parser's events in the oracle's words. */
function messagesOf(outcome: Outcome): OracleMessage[] {
  const messages: OracleMessage[] = []
  for (const event of outcome.events) {
    const message = messages.at(-1)
    if (event.type === 'head') {
      const isRequest = event.status === 0
      messages.push({
        start: isRequest ? [event.method, event.path, event.host] : [String(event.status), event.reason],
        versionMinor: event.versionMinor,
        fields: event.fields.map(([name, value, hopByHop]) => [name, value, hopByHop]),
        framing: FRAMINGS[event.framing]!,
        content: '',
        whole: event.interim,
        trailers: [],
        keepAlive: event.keepAlive,
      })
    } else if (message !== undefined) {
      if (event.type === 'body') message.content += event.content
      else if (event.type === 'end') message.whole = true
      else if (event.type === 'trailers') {
        message.trailers = event.fields.filter(([, , hopByHop]) => !hopByHop).map(([name, value]) => [name, value])
      }
    }
  }
  return messages
}

function compare(text: string, outcome: Outcome, expected: OracleReading): void {
  assert.deepEqual(messagesOf(outcome), expected.messages, JSON.stringify(text))
  if (expected.bad) assert.equal(outcome.events.at(-1)?.type, 'refusal', JSON.stringify(text))
}

/** That the parser reads a stream of requests as the oracle does. Returns what the oracle read. */
export function checkRequestsAgainstOracle(text: string): OracleReading {
  const expected = readRequests(text)
  compare(text, parseRequests(octetsOf(text)), expected)
  return expected
}

/** That the parser reads the response to a GET as the oracle does. Returns what the oracle read. */
export function checkResponseAgainstOracle(text: string): OracleReading {
  const expected = readResponse(text)
  compare(text, parseResponses(octetsOf(text)), expected)
  return expected
}

function isControl(character: string): boolean {
  return (character < ' ' && !'\t\r\n'.includes(character)) || character === '\x7f'
}

/** The fields that a rewrite has to bring through: a Trailer field only where there are chunks. */
function expectedFields(outcome: Outcome): [string, string][] {
  const isChunked = headOf(outcome).framing === FRAMING.chunked
  return endToEndFields(outcome).filter(([name]) => isChunked || name !== 'trailer')
}

/** What no written head may hold, whatever was received. */
function findWrong(written: string): string | null {
  if (!written.endsWith('\r\n\r\n')) return 'It does not end with an empty line.'
  if (written.indexOf('\r\n\r\n') !== written.length - 4) return 'It has an empty line before its end.'
  if (/\r(?!\n)|(?<!\r)\n/.test(written)) return 'It has a bare CR or LF.'
  if (written.split('').some(isControl)) return 'It has a control character.'
  const lines = written.slice(0, -4).split('\r\n').slice(1)
  if (lines.some(line => !/^[!#$%&'*+\-.^_`|~\w]+: [^\s]?/.test(line))) return 'A field line is not in normal form.'
  const names = lines.map(line => line.slice(0, line.indexOf(':')).toLowerCase())
  if (names.filter(name => name === 'content-length' || name === 'transfer-encoding').length > 1)
    return 'It has two framing fields.'
  if (names.some(name => /^(connection|keep-alive|te|upgrade|proxy-.*)$/.test(name)))
    return 'It has a hop-by-hop field.'
  return null
}

const ignore = (): void => {}
const sinkFor = (onHead: (head: MessageHead) => void): MessageSink => ({
  onHead,
  onBody: ignore,
  onTrailers: ignore,
  onEnd: ignore,
  onRefusal: ignore,
})

function checkWritten(written: string): void {
  const wrong = findWrong(written)
  if (wrong !== null) throw new Error(`${wrong} ${JSON.stringify(written)}`)
}

/**
 * That the first request of a stream, if it's valid, is the same after it was written and read again, and that what is written holds
 * nothing forbidden; the head comes in two reads, cut at `place`. Returns whether there was such a request.
 */
export function checkRequestRewrite(text: string, place: number): boolean {
  const octets = octetsOf(text)
  const first = parseRequests(octets)
  if (first.events[0]?.type !== 'head' || headOf(first).framing === FRAMING.tunnel) return false
  const { method, path, host, framing, contentLength, raw } = headOf(first)
  const out = Buffer.alloc(65_536)
  let written = ''
  const parser = new RequestParser(
    sinkFor(head => (written = out.toString('latin1', 0, writeRequestHead(out, 0, head, new HeadRewrite())))),
  )
  const cut = place % raw.length
  parser.execute(octets, 0, cut)
  parser.execute(octets, cut, octets.length)
  checkWritten(written)
  if (written.match(/\r\nHost: /g)?.length !== 1) throw new Error(`Not one Host: ${JSON.stringify(written)}`)
  // An empty Host, for want of any in HTTP/1.0, is for the next server to judge.
  if (host === '') return true
  const behind = octets.subarray(octets.indexOf(raw, 0, 'latin1') + raw.length)
  const again = parseRequests(Buffer.concat([octetsOf(written), behind]))
  const now = headOf(again)
  assert.deepEqual(
    [now.method, now.path, now.target, now.host, now.framing, now.contentLength, now.versionMinor],
    [method, path, path, host, framing, contentLength, 1],
    JSON.stringify(text),
  )
  assert.deepEqual(endToEndFields(again), expectedFields(first), JSON.stringify(text))
  return true
}

/** The same for the first head of a response to a GET. */
export function checkResponseRewrite(text: string): boolean {
  const octets = octetsOf(text)
  const first = parseResponses(octets)
  if (first.events[0]?.type !== 'head') return false
  const { status, reason, framing, contentLength } = headOf(first)
  const out = Buffer.alloc(65_536)
  let written = ''
  const write = (head: MessageHead): void => {
    if (written === '')
      written = out.toString('latin1', 0, writeResponseHead(out, 0, head, head.framing, new HeadRewrite()))
  }
  const parser = new ResponseParser(sinkFor(write))
  parser.expect(METHOD.GET)
  parser.execute(octets, 0, octets.length)
  checkWritten(written)
  const again = parseResponses(octetsOf(written))
  const now = headOf(again)
  assert.deepEqual(
    [now.status, now.reason, now.framing, now.contentLength],
    [status, reason, framing, contentLength],
    JSON.stringify(text),
  )
  assert.deepEqual(endToEndFields(again), expectedFields(first), JSON.stringify(text))
  return true
}
