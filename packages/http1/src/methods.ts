// The methods that a balancer treats by name: ids, so that no string is made to compare them. Any other token is `METHOD.other`.
//
// Methods are case-sensitive (RFC 9110, 9.1): `get` is another method than `GET`, and is passed on as it was sent.

/** Ids of the methods of RFC 9110, 9.3 and of PATCH (RFC 5789); any other token is `other`. */
export const METHOD = {
  other: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  CONNECT: 6,
  OPTIONS: 7,
  TRACE: 8,
  PATCH: 9,
} as const

const NAMES: readonly Uint8Array[] = Object.keys(METHOD).map(name => Uint8Array.from(name, c => c.charCodeAt(0)))

/** Candidates by length, and for a length of two names by second letter: 3 GET PUT, 4 HEAD POST, 5 TRACE PATCH. */
function candidate(buffer: Buffer, start: number, length: number): number {
  switch (length) {
    case 3:
      return buffer[start] === 0x47 ? METHOD.GET : METHOD.PUT
    case 4:
      return buffer[start] === 0x48 ? METHOD.HEAD : METHOD.POST
    case 5:
      return buffer[start] === 0x54 ? METHOD.TRACE : METHOD.PATCH
    case 6:
      return METHOD.DELETE
    case 7:
      return buffer[start] === 0x43 ? METHOD.CONNECT : METHOD.OPTIONS
    default:
      return METHOD.other
  }
}

/** Id of the method in `buffer[start, end)`. */
export function methodId(buffer: Buffer, start: number, end: number): number {
  const length = end - start
  const id = candidate(buffer, start, length)
  if (id === METHOD.other) return id
  const name = NAMES[id]!
  for (let i = 0; i < length; i++) if (buffer[start + i] !== name[i]) return METHOD.other
  return id
}
