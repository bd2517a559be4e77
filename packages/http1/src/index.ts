export { CRLF, LAST_CHUNK, MAX_CHUNK_HEAD_BYTES, writeChunkHead, writeTrailers } from './chunk-writer.ts'
export { Http1UsageError } from './errors.ts'
export { encodeFieldLine, writeFieldLine } from './field-line.ts'
export {
  CONNECTION,
  HeadRewrite,
  headRoom,
  writeOwnResponseHead,
  writeRequestHead,
  writeResponseHead,
} from './head-writer.ts'
export { HEADER, headerName, type HeaderKey } from './header-names.ts'
export { createLimits, DEFAULT_LIMITS, type Limits } from './limits.ts'
export { FRAMING } from './message-framing.ts'
export { MessageHead, SCHEME, TARGET_FORM } from './message-head.ts'
export type { MessageSink } from './message-sink.ts'
export { METHOD } from './methods.ts'
export { REFUSALS, type Refusal } from './refusals.ts'
export { RequestParser, type FinishOutcome } from './request-parser.ts'
export { ResponseParser } from './response-parser.ts'
