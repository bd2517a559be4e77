// Every reason for which a message is refused: code, status, verdict on the connection, and a sentence that a person can act on.
//
// Invariants
// * A refusal is a frozen constant. Parsers hand out these objects and never build one, so that a flood of bad input allocates nothing.
// * No sentence repeats what the peer sent.
// * `keepConnection` is false for all of them. Whoever broke the grammar or a limit has also lost where the next message begins:
//   what follows is either the rest of this message or an attack (RFC 9112, 2.2, 6.3, 11.2). The field is there so that the owner
//   of a connection asks, instead of knowing.
// * For a response the status is always 502: the fault is the upstream's, not the client's (RFC 9110, 15.6.3).

/** Why a message was refused. One constant object per code. */
export interface Refusal {
  /** Stable identifier: `HTTP1_ERR_THING`. */
  readonly code: string
  /** Status to answer the client with: 400-505 for a request, 502 for a response. */
  readonly status: number
  /** Whether the connection may carry another message after the answer. */
  readonly keepConnection: boolean
  /** What was wrong and what would be right. */
  readonly message: string
}

function refusal(code: string, status: number, message: string): Refusal {
  return Object.freeze({ code, status, keepConnection: false, message })
}

/** Every refusal of a request. Those of a response have the same codes and sentences, with status 502. */
export const REFUSALS = Object.freeze({
  // Line ends and lines
  emptyLines: refusal('HTTP1_ERR_EMPTY_LINES', 400, 'Too many empty lines stand before the request line; send none.'),
  bareCr: refusal(
    'HTTP1_ERR_BARE_CR',
    400,
    'A CR has no LF behind it; lines end with CRLF, and CR stands nowhere else.',
  ),
  bareLf: refusal('HTTP1_ERR_BARE_LF', 400, 'A line ends with LF alone; lines end with CRLF.'),
  // Request line
  method: refusal('HTTP1_ERR_METHOD', 400, "The method isn't a token followed by one space."),
  methodTooLong: refusal('HTTP1_ERR_METHOD_TOO_LONG', 501, 'The method is longer than any method that is served here.'),
  target: refusal(
    'HTTP1_ERR_TARGET',
    400,
    'The request target is empty or has a character that a URI may not have; percent-encode it.',
  ),
  targetTooLong: refusal('HTTP1_ERR_TARGET_TOO_LONG', 414, 'The request target is longer than the limit.'),
  targetForm: refusal(
    'HTTP1_ERR_TARGET_FORM',
    400,
    'The request target has no form that this method may use: a path, an http(s) URI, host:port for CONNECT, * for OPTIONS.',
  ),
  targetEscape: refusal(
    'HTTP1_ERR_TARGET_ESCAPE',
    400,
    'A % in the request target has no two hexadecimal digits behind it.',
  ),
  targetFragment: refusal('HTTP1_ERR_TARGET_FRAGMENT', 400, 'The request target has a fragment; a # is never sent.'),
  targetUserinfo: refusal('HTTP1_ERR_TARGET_USERINFO', 400, 'The request target has a user name before the host.'),
  targetAuthority: refusal('HTTP1_ERR_TARGET_AUTHORITY', 400, "The request target's host or port isn't valid."),
  version: refusal('HTTP1_ERR_VERSION', 400, "The protocol version isn't HTTP/ followed by digit, dot, digit."),
  versionNotSupported: refusal('HTTP1_ERR_VERSION_NOT_SUPPORTED', 505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here.'),
  // Status line
  statusCode: refusal('HTTP1_ERR_STATUS_CODE', 502, "The status code isn't three digits from 100 to 599."),
  reason: refusal('HTTP1_ERR_REASON', 502, 'The reason phrase has a control character.'),
  unexpectedResponse: refusal(
    'HTTP1_ERR_UNEXPECTED_RESPONSE',
    502,
    'Octets arrived for which no request had been sent.',
  ),
  interimFlood: refusal(
    'HTTP1_ERR_INTERIM_FLOOD',
    502,
    'More interim (1xx) responses than the limit came before the final one.',
  ),
  unexpectedUpgrade: refusal(
    'HTTP1_ERR_UNEXPECTED_UPGRADE',
    502,
    '101 came without an Upgrade field, in HTTP/1.0, or for a request that asked for no upgrade.',
  ),
  // Fields
  fieldName: refusal('HTTP1_ERR_FIELD_NAME', 400, "A field line has no name, no colon, or a name that isn't a token."),
  spaceBeforeColon: refusal(
    'HTTP1_ERR_SPACE_BEFORE_COLON',
    400,
    'Whitespace stands between a field name and its colon.',
  ),
  obsFold: refusal('HTTP1_ERR_OBS_FOLD', 400, 'A field line begins with whitespace; fields may not be folded.'),
  fieldValue: refusal('HTTP1_ERR_FIELD_VALUE', 400, 'A field value has a control character.'),
  headTooLarge: refusal('HTTP1_ERR_HEAD_TOO_LARGE', 431, 'The head (first line and fields) is larger than the limit.'),
  tooManyFields: refusal('HTTP1_ERR_TOO_MANY_FIELDS', 431, 'The head has more fields than the limit.'),
  connection: refusal('HTTP1_ERR_CONNECTION', 400, "Connection isn't a list of tokens, or it names too many of them."),
  // Host
  hostMissing: refusal('HTTP1_ERR_HOST_MISSING', 400, 'An HTTP/1.1 request needs a Host field.'),
  hostDuplicate: refusal('HTTP1_ERR_HOST_DUPLICATE', 400, 'The request has more than one Host field.'),
  hostInvalid: refusal('HTTP1_ERR_HOST_INVALID', 400, "Host isn't a host name or address with an optional port."),
  hostMismatch: refusal('HTTP1_ERR_HOST_MISMATCH', 400, 'Host names another host or port than the request target.'),
  // Framing
  contentLength: refusal(
    'HTTP1_ERR_CONTENT_LENGTH',
    400,
    "Content-Length isn't a decimal number that can be counted exactly.",
  ),
  contentLengthConflict: refusal(
    'HTTP1_ERR_CONTENT_LENGTH_CONFLICT',
    400,
    'Content-Length is given twice with different values.',
  ),
  transferEncoding: refusal(
    'HTTP1_ERR_TRANSFER_ENCODING',
    400,
    'Transfer-Encoding is malformed, or chunked is missing, repeated or not the last coding.',
  ),
  transferCodingUnknown: refusal(
    'HTTP1_ERR_TRANSFER_CODING_UNKNOWN',
    501,
    'Transfer-Encoding names a coding other than chunked; use Content-Encoding to compress.',
  ),
  transferEncodingWithLength: refusal(
    'HTTP1_ERR_TRANSFER_ENCODING_WITH_LENGTH',
    400,
    'Transfer-Encoding and Content-Length stand together; the end of the message is ambiguous.',
  ),
  transferEncodingInHttp10: refusal(
    'HTTP1_ERR_TRANSFER_ENCODING_IN_HTTP10',
    400,
    'Transfer-Encoding stands in an HTTP/1.0 message, which has no such field.',
  ),
  connectContent: refusal(
    'HTTP1_ERR_CONNECT_CONTENT',
    400,
    'A CONNECT request announces content, which it may not have.',
  ),
  bodyTooLarge: refusal('HTTP1_ERR_BODY_TOO_LARGE', 413, 'The content is larger than the limit.'),
  // Chunks and trailers
  chunkSize: refusal(
    'HTTP1_ERR_CHUNK_SIZE',
    400,
    "A chunk size isn't a hexadecimal number followed by an extension or CRLF.",
  ),
  chunkSizeTooLarge: refusal(
    'HTTP1_ERR_CHUNK_SIZE_TOO_LARGE',
    400,
    'A chunk size has more digits than can be counted exactly.',
  ),
  chunkExtension: refusal('HTTP1_ERR_CHUNK_EXTENSION', 400, "A chunk extension isn't ;name or ;name=value."),
  chunkExtensionsTooLarge: refusal(
    'HTTP1_ERR_CHUNK_EXTENSIONS_TOO_LARGE',
    413,
    'The chunk extensions of the message are together larger than the limit.',
  ),
  chunkTerminator: refusal(
    'HTTP1_ERR_CHUNK_TERMINATOR',
    400,
    "The octets behind a chunk's data aren't CRLF: its size is wrong.",
  ),
  trailersTooLarge: refusal('HTTP1_ERR_TRAILERS_TOO_LARGE', 431, 'The trailer section is larger than the limit.'),
  tooManyTrailers: refusal('HTTP1_ERR_TOO_MANY_TRAILERS', 431, 'The trailer section has more fields than the limit.'),
})

const OF_RESPONSES: ReadonlyMap<Refusal, Refusal> = new Map(
  Object.values(REFUSALS).map(given => [given, refusal(given.code, 502, given.message)]),
)

/** The refusal that a response parser reports: same code and sentence, status 502 (Bad Gateway). */
export function ofResponse(given: Refusal): Refusal {
  return OF_RESPONSES.get(given) ?? given
}
