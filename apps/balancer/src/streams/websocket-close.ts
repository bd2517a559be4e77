// The bytes of a close frame (RFC 6455, 5.5.1): two octets of status code, then a reason in UTF-8 for whoever debugs.
//
//   to a client      88 │ length │ code reason
//   to an endpoint   88 │ 80 + length │ masking key │ code reason, masked      a client's frames are always masked (RFC 6455, 5.1)

/** "Going away": a server that goes down (RFC 6455, 7.4.1). Clients take it as a reason to connect again. */
export const GOING_AWAY = 1001

const FIN_CLOSE = 0x88
const MASKED = 0x80
/** A control frame's payload has at most 125 octets (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123

/** A close frame for a client. @throws RangeError for a reason above 123 octets. */
export function closeFrame(code: number, reason: string): Buffer {
  const payload = payloadOf(code, reason)
  return Buffer.concat([Buffer.from([FIN_CLOSE, payload.length]), payload])
}

/**
 * A close frame for an endpoint. `mask`: 32 bits. The RFC wants them unpredictable (10.3) so that a page can't write octets of its
 * choice through a proxy; nobody chooses these, so any random number does. @throws RangeError for a reason above 123 octets.
 */
export function maskedCloseFrame(code: number, reason: string, mask: number): Buffer {
  const payload = payloadOf(code, reason)
  const frame = Buffer.alloc(6 + payload.length)
  frame[0] = FIN_CLOSE
  frame[1] = MASKED | payload.length
  frame.writeUInt32BE(mask >>> 0, 2)
  for (const [i, octet] of payload.entries()) frame[6 + i] = octet ^ (frame[2 + (i & 3)] as number)
  return frame
}

function payloadOf(code: number, reason: string): Buffer {
  const text = Buffer.from(reason, 'utf8')
  if (text.length > MAX_REASON_BYTES)
    throw new RangeError(`The reason of a close frame has ${text.length} octets; at most ${MAX_REASON_BYTES} fit.`)
  const payload = Buffer.alloc(2 + text.length)
  payload.writeUInt16BE(code)
  text.copy(payload, 2)
  return payload
}
