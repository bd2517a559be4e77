// What caches on the way may do with an answer, and the answer that needn't be sent again.
//
//   config: { caching: 'courses' }        kinds and their times: src/http/cache-control.ts
//
//     handler ─▶ value ─▶ text and tag, made once ─▶ on a condition? ─▶ 304 without a body
//                                                    └▶ in this coding before? ─▶ those bytes, else the text ─▶ compressed by @fastify/compress, and kept
//
// * 200 to GET and HEAD gets `Cache-Control`, `Cache-Status` (when something was read through the cache), `ETag` and `Vary`; what a route has set itself stays.
// * A 304 has the fields that the 200 would have had (RFC 9110, 15.4.5). Conditions are judged after everything else, in the order of RFC 9110, 13.2.2: `If-Match`,
//   then `If-None-Match`. Those about dates aren't judged: nothing here has a `Last-Modified` (13.1.3).
// * Errors get nothing of this.
// * `no-store` for requests with credentials is said by privateAnswers, whatever the kind; the tag still saves them the body.
// * Registered behind the compressing plugin: that one's hook has to run between the first and the last of here, since the last one keeps what it made.
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { ApiError } from '../errors.ts'
import { cacheControlOf, type CacheControl, type CachingKind } from '../http/cache-control.ts'
import { cacheStatus } from '../http/cache-status.ts'
import { isWeak, matchNames, nameCoding, noneMatchedTag } from '../http/entity-tag.ts'
import { CodingChoices, PreparedAnswers, type PreparedAnswer } from '../http/prepared-answer.ts'
import type { Environment } from './security.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Kind of data that the route answers with, for whoever keeps answers on the way; when it's not set, nothing is said to them. */
    caching?: CachingKind
  }
  interface FastifyReply {
    /** What's sent as 200 by a route with `caching`; null before that, and for all else. */
    prepared: PreparedAnswer | null
  }
}

export interface HttpCachingOptions {
  readonly environment: Environment
}

/** What the hooks of a route share. */
interface CachedRoute {
  readonly cacheControl: CacheControl
  readonly answers: PreparedAnswers
  readonly choices: CodingChoices
}

type Next = (error: Error | null, body?: unknown) => void

export const httpCaching = fastifyPlugin<HttpCachingOptions>(
  (app, { environment }, done) => {
    const choices = new CodingChoices()
    // GET and HEAD of an address are two routes with the same answers.
    const answersByUrl = new Map<string, PreparedAnswers>()
    app.decorateReply('prepared', null)
    app.addHook('onRoute', route => {
      const kind = route.config?.caching
      if (kind === undefined) return
      const answers = answersByUrl.get(route.url) ?? new PreparedAnswers()
      answersByUrl.set(route.url, answers)
      addHooks(route, { cacheControl: cacheControlOf(kind, environment), answers, choices })
      const { response, ...schema } = route.schema ?? {}
      route.schema = { ...schema, response: { 304: NOT_MODIFIED, ...(response as object | undefined) } }
    })
    done()
  },
  { name: 'http-caching' },
)

const NOT_MODIFIED = { description: 'What the client has is still so (`If-None-Match`).', type: 'null' }

function addHooks(route: RouteOptions, cached: CachedRoute): void {
  /** Values, before they're serialised. */
  const serialise = (request: FastifyRequest, reply: FastifyReply, value: unknown, next: Next): void => {
    if (reply.statusCode !== 200 || typeof value !== 'object' || value === null) return next(null, value)
    const answer = cached.answers.ofValue(value, made => reply.serialize(made) as string)
    const body = conclude(request, reply, answer, cached)
    void reply.serializer(asItIs)
    next(null, body)
  }
  /** Texts that weren't values, before HEAD's body is taken away. */
  const begin = (request: FastifyRequest, reply: FastifyReply, body: unknown, next: Next): void => {
    const isAnswer = reply.prepared === null && reply.statusCode === 200
    if (!isAnswer || !(typeof body === 'string' || Buffer.isBuffer(body))) return next(null, body)
    next(null, conclude(request, reply, cached.answers.ofText(body), cached))
  }
  const end = (request: FastifyRequest, reply: FastifyReply, body: unknown, next: Next): void => {
    const { prepared } = reply
    if (prepared === null) return next(null, body)
    if (reply.statusCode === 304) {
      void reply.removeHeader('content-length')
      return next(null, null)
    }
    const coding = reply.getHeader('content-encoding')
    if (typeof coding !== 'string') {
      if (body === null && acceptedCodings(request) !== undefined) leaveOpen(reply)
      return next(null, body)
    }
    nameCoding(reply, coding)
    // HEAD's body, which is gone, and what was kept already.
    if (body === null || body === prepared.bytes(coding)) return next(null, body)
    const accepted = acceptedCodings(request)
    if (!prepared.isKept || accepted === undefined) return next(null, body)
    cached.choices.note(accepted, coding)
    if (prepared.bytes(coding) !== undefined) return next(null, body)
    const keep = (bytes: Buffer): void => {
      prepared.keep(coding, bytes)
      next(null, bytes)
    }
    if (Buffer.isBuffer(body)) keep(body)
    else buffer(body as Readable).then(keep, next)
  }
  route.preSerialization = [...listOf(route.preSerialization), serialise]
  route.onSend = [begin, ...listOf(route.onSend), end]
}

/** Describes the answer to caches, and gives what's to be sent of it. */
function conclude(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: PreparedAnswer,
  { cacheControl, choices }: CachedRoute,
): string | Buffer {
  const given = reply.getHeader('etag')
  const tag = typeof given === 'string' ? given : answer.tag
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers
  if (match !== undefined && !matchNames(match, tag))
    throw new ApiError(
      'API_ERR_PRECONDITION_FAILED',
      'What is there has none of the entity tags that `if-match` names; read it again.',
    )
  reply.prepared = answer
  const { servedFrom, freshLeftMs } = request.caller
  const headers: Record<string, string> = { etag: tag, vary: withAcceptEncoding(reply.getHeader('vary')) }
  if (!reply.hasHeader('cache-control')) headers['cache-control'] = cacheControl(freshLeftMs)
  if (servedFrom !== undefined) headers['cache-status'] = cacheStatus(servedFrom, freshLeftMs)
  void reply.headers(headers)

  const coding = choices.of(acceptedCodings(request))
  const bytes = coding === undefined ? undefined : answer.bytes(coding)
  const matched = noneMatch === undefined ? undefined : noneMatchedTag(noneMatch, tag)
  if (matched !== undefined) {
    // A strong tag is that of one coding: the one which the client has.
    if (matched !== tag) void reply.header('etag', matched)
    else if (noneMatch === '*' && coding !== undefined && bytes !== undefined) nameCoding(reply, coding)
    void reply.code(304).removeHeader('content-type')
    return ''
  }
  if (coding === undefined || bytes === undefined) return answer.body
  void reply.header('content-encoding', coding)
  return bytes
}

/** For HEAD, before anybody asked for the body: whether GET would compress it, and to which length, isn't known, and may be left out (RFC 9110, 8.6 and 9.3.2). */
function leaveOpen(reply: FastifyReply): void {
  void reply.removeHeader('content-length')
  const tag = reply.getHeader('etag')
  if (typeof tag === 'string' && !isWeak(tag)) void reply.removeHeader('etag')
}

/** What the compressing plugin goes by; undefined: it compresses nothing. */
function acceptedCodings({ headers }: FastifyRequest): string | undefined {
  return headers['x-no-compression'] === undefined ? headers['accept-encoding'] : undefined
}

/** Short answers aren't compressed, but the same address may have longer ones. */
function withAcceptEncoding(vary: ReturnType<FastifyReply['getHeader']>): string {
  return vary === undefined ? 'accept-encoding' : `${String(vary)}, accept-encoding`
}

/** The serialiser of what's text already. */
function asItIs(body: unknown): string {
  return body as string
}

function listOf<Hook>(hooks: Hook | Hook[] | undefined): Hook[] {
  return hooks === undefined ? [] : ([hooks].flat() as Hook[])
}
