// Events of a text/event-stream for tests, read back by a parser that follows the specification step by step (HTML Living Standard, 9.2.6).
import fc from 'fast-check'

export interface EventStreamReading {
  /** What an EventSource would dispatch. */
  readonly events: { type: string; data: string; id: string }[]
  /** The reconnection time that was said last, in ms. */
  readonly retryMs: number | null
  /** Nothing of an event that isn't whole is left at the end. */
  readonly isWhole: boolean
}

export function readEventStream(bytes: Buffer): EventStreamReading {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  const lines = text.split(/\r\n|\n|\r/)
  const unfinished = lines.pop() as string
  const events: { type: string; data: string; id: string }[] = []
  let data = ''
  let type = ''
  let id = ''
  let retryMs: number | null = null
  let fields = 0
  for (const line of lines) {
    if (line === '') {
      if (data !== '') events.push({ type: type || 'message', data: data.slice(0, -1), id })
      data = ''
      type = ''
      fields = 0
      continue
    }
    if (line.startsWith(':')) continue
    fields++
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') data += `${value}\n`
    else if (name === 'event') type = value
    else if (name === 'id' && !value.includes('\0')) id = value
    else if (name === 'retry' && /^\d+$/.test(value)) retryMs = Number(value)
  }
  return { events, retryMs, isWhole: fields === 0 && unfinished === '' }
}

/** Whether `bytes` end with a whole event: behind a line end, with nothing but comments since the last empty line. */
export function endsWithWholeEvent(bytes: Buffer): boolean {
  const lines = bytes.toString('latin1').split(/\r\n|\n|\r/)
  if (lines.pop() !== '') return false
  const last = lines.lastIndexOf('')
  return lines.slice(last + 1).every(line => line.startsWith(':'))
}

const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
const line = fc.oneof(
  fc.constantFrom(
    ': ping',
    ':',
    'data',
    'data: a',
    'data:b',
    'event: tick',
    'id: 7',
    'retry: 9',
    'unknown: é',
    ' data: x',
  ),
  fc.string({ unit: fc.constantFrom('a', ':', ' ', 'd'), maxLength: 4 }),
)
/** Lines with any ends, so that empty ones come often. */
const loose = fc
  .array(fc.tuple(fc.oneof(line, fc.constant('')), lineEnd), { maxLength: 12 })
  .map(lines => lines.flat().join(''))
/** Only the octets that matter. */
const dense = fc.string({ unit: fc.constantFrom('\r', '\n', ':', 'x'), maxLength: 16 })

/** Streams of events as they are, mangled ones, with or without BOM, whole or not. */
export const eventStream: fc.Arbitrary<Buffer> = fc
  .tuple(fc.constantFrom('', '', '', '\uFEFF'), fc.oneof(loose, dense), fc.constantFrom('', '', 'data: cut'))
  .map(parts => Buffer.from(parts.join('')))
