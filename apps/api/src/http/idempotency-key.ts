// The request header Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a name that the client gives a request, so that it may be sent again without
// being done again.
//
// The draft makes the value a quoted string; most clients send it bare. Both are taken, each as it stands: a key is compared and never read. Two header fields are
// joined by Node with a comma and a blank, which no key has.
import type { preValidationHookHandler } from 'fastify'
import { Type } from 'typebox'
import { ApiError } from '../errors.ts'

export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key'
/** On an answer that tells what an earlier request with the same key did. */
export const IDEMPOTENCY_REPLAYED_HEADER = 'idempotency-replayed'

const MAX_KEY_CHARACTERS = 255
/** VCHAR of RFC 5234. */
const KEY = /^[!-~]+$/

/** For `schema.headers`. */
export const IdempotencyHeaders = Type.Object({
  [IDEMPOTENCY_KEY_HEADER]: Type.String({
    minLength: 1,
    maxLength: MAX_KEY_CHARACTERS,
    pattern: KEY.source,
    description: 'Made up anew for each request and repeated with it; a UUID is fine. Visible ASCII characters.',
  }),
})

/** For the `headers` of a response's schema: how the document tells of it. */
export const replayedHeaders = {
  [IDEMPOTENCY_REPLAYED_HEADER]: Type.Optional(
    Type.Enum(['true'], { description: 'There when the answer tells what an earlier request with the same key did.' }),
  ),
}

/** For `preValidation`: comes before the schema's check, which has no code of its own for it. */
export const requireIdempotencyKey: preValidationHookHandler = (request, _reply, next) => {
  const key = request.headers[IDEMPOTENCY_KEY_HEADER]
  if (typeof key === 'string' && key.length <= MAX_KEY_CHARACTERS && KEY.test(key)) return next()
  next(
    new ApiError(
      'API_ERR_IDEMPOTENCY_KEY',
      `Send the header Idempotency-Key with 1 to ${MAX_KEY_CHARACTERS} visible ASCII characters, new for each request and the same when it is repeated.`,
      { issues: [{ field: `headers.${IDEMPOTENCY_KEY_HEADER}`, message: 'is missing or not valid' }] },
    ),
  )
}
