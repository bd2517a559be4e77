// Which answers are streams of events whose client comes back by itself.
//
//   GET, 200, Content-Type: text/event-stream, no Content-Encoding but identity, no Content-Length
//
// * Only GET: an EventSource makes no other request (HTML Living Standard, 9.2.2). A stream that answers a POST is read by a program of
//   its own, and would take our end for the end of the whole answer.
// * A compressed stream has no boundaries that could be seen, and one with a length has to have all of it.
import { FRAMING, HEADER, METHOD, type MessageHead } from '@plimsoll/http1'

const MEDIA_TYPE = 'text/event-stream'
/** The octet behind "text/". */
const SUBTYPE_AT = 5
const LOWER_E = 0x65

/** `methodId`: the codec's number of the request's method. */
export function isEventStream(methodId: number, head: MessageHead): boolean {
  if (head.framing !== FRAMING.chunked && head.framing !== FRAMING.untilClose) return false
  if (head.status !== 200 || methodId !== METHOD.GET || head.contentLength !== -1) return false
  const type = head.find(HEADER.contentType)
  if (type === -1 || !mayBeMediaType(head, type) || head.find(HEADER.contentType, type + 1) !== -1) return false
  return mediaTypeOf(head.valueString(type)) === MEDIA_TYPE && isIdentity(head)
}

/** Tells nearly all others apart without making a string. */
function mayBeMediaType(head: MessageHead, index: number): boolean {
  const start = head.valueStart[index] as number
  const bytes = (head.valueEnd[index] as number) - start
  return bytes >= MEDIA_TYPE.length && ((head.buffer[start + SUBTYPE_AT] as number) | 0x20) === LOWER_E
}

/** media-type = type "/" subtype *( OWS ";" OWS parameter ) (RFC 9110, 8.3.1) */
function mediaTypeOf(value: string): string {
  const end = value.indexOf(';')
  return (end === -1 ? value : value.slice(0, end)).trim().toLowerCase()
}

/** Content-Encoding = #content-coding (RFC 9110, 8.4); a list may have empty members (5.6.1). */
function isIdentity(head: MessageHead): boolean {
  let index = head.find(HEADER.contentEncoding)
  while (index !== -1) {
    for (const coding of head.valueString(index).split(',')) {
      const name = coding.trim().toLowerCase()
      if (name !== '' && name !== 'identity') return false
    }
    index = head.find(HEADER.contentEncoding, index + 1)
  }
  return true
}
