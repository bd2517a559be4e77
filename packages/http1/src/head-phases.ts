// The kinds of heads, and the places inside one at which a scanner can stand between two octets.
//
//   skipping ─► method ─► target ─► version ─┐
//   statusVersion ─► statusCode ─► reason ───┴─► (line end) ─► line ─► name ─► ows ─► value ─► valueLf ─► line … ─► endLf ─► done
//                                                             trailers begin at `line`

/** What a head belongs to. */
export const REQUEST = 0
export const RESPONSE = 1
export const TRAILERS = 2

/** Phases: the next octet belongs to … */
export const PHASE_SKIPPING = 0
export const PHASE_SKIPPING_LF = 1
export const PHASE_METHOD = 2
export const PHASE_TARGET = 3
export const PHASE_VERSION = 4
export const PHASE_STATUS_VERSION = 5
export const PHASE_STATUS_CODE = 6
export const PHASE_REASON = 7
export const PHASE_REASON_LF = 8
/** From here on: fields. */
export const PHASE_LINE = 9
export const PHASE_NAME = 10
export const PHASE_OWS = 11
export const PHASE_VALUE = 12
export const PHASE_VALUE_LF = 13
export const PHASE_END_LF = 14
export const PHASE_DONE = 15
