// Reads request bodies: JSON in UTF-8 without content encoding, and nothing else.
//
// * Bytes that aren't UTF-8 are refused (RFC 8259, section 8.1). Decoded the usual way they would become U+FFFD one by one, and be stored as if they had been sent.
// * A content encoding is refused here, whatever other plugins are there: unpacking would be a way around the limit of the body.
// * text/plain isn't taken as a body: a form on any site could send one without a preflight.
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../errors.ts'

/** Replaces Fastify's own parsers; call it before the first plugin is registered. */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') {
      done(new ApiError('API_ERR_MEDIA_TYPE', 'Send the body without content encoding.'))
    } else if (!isUtf8(body)) {
      done(new ApiError('API_ERR_MALFORMED_JSON', 'The body holds bytes that are not UTF-8.'))
    } else {
      void parse(request, body.toString('utf8'), done)
    }
  })
}
