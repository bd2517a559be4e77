// The request vectors of llhttp's tests (test/corpus/llhttp-requests.json: from llhttp 01e105a, MIT licence), for what must hold
// whatever is sent: no throw, no hang, the same events whole, octet by octet and in two pieces. And what we say to each is pinned by
// kind, so that a change of mind is seen.
import t from 'tap'
import { readFileSync } from 'node:fs'
import { cutsOf } from './messages.ts'
import { inAllPieces, octetsOf, parseRequests, verdict } from './recorder.ts'

interface Vector {
  readonly id: string
  readonly group: string
  readonly send: readonly string[]
}
const corpus: { count: number; vectors: readonly Vector[] } = JSON.parse(
  readFileSync(new URL('./corpus/llhttp-requests.json', import.meta.url), 'utf8'),
)

/** How many vectors of each group end how; `idle`: all requests were read. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'll-connection': {
    idle: 7,
    truncated: 6,
    HTTP1_ERR_BARE_CR: 1,
    HTTP1_ERR_OBS_FOLD: 2,
    HTTP1_ERR_VERSION: 3,
    HTTP1_ERR_SPACE_BEFORE_COLON: 2,
  },
  'll-content-length': {
    idle: 3,
    HTTP1_ERR_CONTENT_LENGTH: 4,
    HTTP1_ERR_CONTENT_LENGTH_CONFLICT: 1,
    HTTP1_ERR_TRANSFER_ENCODING_WITH_LENGTH: 2,
    HTTP1_ERR_SPACE_BEFORE_COLON: 2,
    truncated: 3,
    HTTP1_ERR_FIELD_NAME: 1,
    HTTP1_ERR_BARE_CR: 2,
  },
  'll-finish': {
    idle: 1,
    truncated: 2,
  },
  'll-invalid': {
    HTTP1_ERR_VERSION: 3,
    idle: 2,
    HTTP1_ERR_BARE_CR: 4,
    HTTP1_ERR_BARE_LF: 5,
    HTTP1_ERR_FIELD_NAME: 6,
    truncated: 1,
    HTTP1_ERR_OBS_FOLD: 3,
  },
  'll-lenient-header-value-relaxed': {
    HTTP1_ERR_FIELD_VALUE: 2,
    HTTP1_ERR_BARE_LF: 1,
    HTTP1_ERR_BARE_CR: 1,
    HTTP1_ERR_OBS_FOLD: 1,
  },
  'll-lenient-headers': {
    HTTP1_ERR_FIELD_VALUE: 3,
    HTTP1_ERR_BARE_CR: 1,
  },
  'll-lenient-version': {
    HTTP1_ERR_VERSION_NOT_SUPPORTED: 1,
  },
  // Behind a CONNECT nothing is parsed: what follows isn't HTTP, or isn't meant for us.
  'll-method': {
    idle: 8,
    complete: 2,
    HTTP1_ERR_VERSION: 3,
    HTTP1_ERR_CONNECT_CONTENT: 1,
    HTTP1_ERR_TARGET_FORM: 2,
  },
  'll-pausing': {
    idle: 13,
  },
  'll-pipelining': {
    truncated: 1,
  },
  'll-sample': {
    idle: 12,
    HTTP1_ERR_VERSION: 1,
    HTTP1_ERR_OBS_FOLD: 2,
    HTTP1_ERR_BARE_LF: 1,
    HTTP1_ERR_BARE_CR: 2,
  },
  'll-transfer-encoding': {
    truncated: 3,
    idle: 5,
    HTTP1_ERR_CHUNK_EXTENSION: 5,
    HTTP1_ERR_TRANSFER_ENCODING: 2,
    HTTP1_ERR_TARGET_FRAGMENT: 9,
    HTTP1_ERR_CHUNK_SIZE: 1,
    HTTP1_ERR_BARE_LF: 1,
    HTTP1_ERR_OBS_FOLD: 1,
    HTTP1_ERR_BARE_CR: 2,
    HTTP1_ERR_CHUNK_TERMINATOR: 2,
  },
  'll-uri': {
    HTTP1_ERR_TARGET: 2,
    idle: 2,
    complete: 1,
    HTTP1_ERR_HOST_MISMATCH: 3,
    HTTP1_ERR_TARGET_FRAGMENT: 1,
    HTTP1_ERR_TARGET_USERINFO: 1,
    HTTP1_ERR_VERSION: 1,
  },
}

await t.test('every vector comes to the same however it is cut', async t => {
  t.equal(corpus.vectors.length, corpus.count)
  const actual: Record<string, Record<string, number>> = {}
  for (const { group, send } of corpus.vectors) {
    const octets = octetsOf(send.join('').replaceAll('{{T}}', 'token'))
    const outcome = inAllPieces(octets, parseRequests)
    t.equal(JSON.stringify(parseRequests(octets, cutsOf([7, 31, 60, 90], octets.length))), JSON.stringify(outcome))
    const ending = verdict(outcome)
    const counts = (actual[group] ??= {})
    counts[ending] = (counts[ending] ?? 0) + 1
  }
  t.same(actual, EXPECTED)
})
