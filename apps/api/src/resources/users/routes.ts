// Addresses of what's kept about a user: schema in, service call, schema out.
import { Readable } from 'node:stream'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problemResponses } from '../../plugins/openapi.ts'
import { UserParams } from '../gamification/users.ts'
import { ErasureBegun, UserExport } from './schema.ts'
import type { Asking, UsersService } from './service.ts'

export interface UsersRoutesOptions {
  readonly service: UsersService
}

const tags = ['users']
const databaseProblems = ['API_ERR_DATABASE_UNAVAILABLE', 'API_ERR_DATABASE_BUSY', 'API_ERR_DATABASE_TIMEOUT'] as const
/** Of the request's time, left for the answer: another batch isn't begun. */
const TIME_TO_ANSWER_MS = 2000
/** Read ahead of a client that takes its time: the next page is read when less than this waits to be sent. */
const READ_AHEAD_BYTES = 64 * 1024
const DOWNLOAD = {
  'content-disposition': Type.String({ description: 'A name for the file.' }),
  'cache-control': Type.String({ description: 'Nobody keeps it.' }),
}

export const usersRoutes: FastifyPluginCallbackTypebox<UsersRoutesOptions> = (app, { service }, done) => {
  app.addHook('onSend', (_request, reply, payload, next) => {
    void reply.header('cache-control', 'no-store')
    next(null, payload)
  })

  app.get(
    '/api/users/:id/export',
    {
      config: { access: 'self', limit: 'expensive' },
      schema: {
        tags,
        summary: 'Everything that is kept about a user, as one JSON document',
        description:
          'Sent while it is read, page by page: an answer that is cut is no valid JSON. Of passwords and tokens only that they exist is told. It holds what was there while it was read, not at a single moment.',
        params: UserParams,
        response: {
          200: {
            description: 'Everything that is kept about the user.',
            headers: DOWNLOAD,
            content: { 'application/json': { schema: UserExport } },
          },
          ...problemResponses('API_ERR_USER_NOT_FOUND', ...databaseProblems),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const pieces = await service.export(id, askingOf(request), request.caller)
      // The answer has begun: how long the client takes to read it isn't the service's time. That it goes away still ends the reading.
      request.deadline.answered()
      void reply
        .header('content-disposition', `attachment; filename="user-${id}.json"`)
        .type('application/json; charset=utf-8')
      const isHead = request.method === 'HEAD'
      const text = Readable.from(isHead ? [] : pieces, { objectMode: false, highWaterMark: READ_AHEAD_BYTES })
      // The document's text, where the schema's type is its value.
      return reply.send(text as never)
    },
  )

  app.delete(
    '/api/users/:id',
    {
      config: { access: 'self', limit: 'expensive' },
      schema: {
        tags,
        summary: 'Erase a user and all that is theirs',
        description:
          'All sessions end at once, and nobody can sign in any more. What others depend on is kept without the person. Erasing somebody who is not there is no failure.',
        params: UserParams,
        response: {
          202: ErasureBegun,
          204: Type.Null({ description: 'Erased.' }),
          ...problemResponses(
            // What says that it's JSON has to be.
            'API_ERR_MALFORMED_JSON',
            'API_ERR_MEDIA_TYPE',
            'API_ERR_BODY_TOO_LARGE',
            'API_ERR_DATABASE_OUTCOME_UNKNOWN',
            ...databaseProblems,
          ),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const hasTime = () => request.deadline.remainingMs() > TIME_TO_ANSWER_MS
      const erased = await service.erase(id, hasTime, askingOf(request), request.caller)
      if (erased === 'begun') return reply.code(202).send({ status: 'erasing' })
      return reply.code(204).send(null)
    },
  )

  done()
}

function askingOf({ id, ip, isOperator }: Pick<FastifyRequest, 'id' | 'ip' | 'isOperator'>): Asking {
  return { requestId: id, address: ip, isOperator }
}
