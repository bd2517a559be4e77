// Addresses of wallets: schema in, service call, schema out.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import {
  IDEMPOTENCY_KEY_HEADER,
  IDEMPOTENCY_REPLAYED_HEADER,
  IdempotencyHeaders,
  requireIdempotencyKey,
} from '../../../http/idempotency-key.ts'
import { problemResponses } from '../../../plugins/openapi.ts'
import { NoQuery } from '../../courses/schema.ts'
import { readProblems, tags, writeProblems } from '../documentation.ts'
import { UserParams } from '../users.ts'
import { TransactionRequest, TransactionResult, WalletPage, WalletQuery } from './schema.ts'
import type { WalletService } from './service.ts'

export const walletRoutes: FastifyPluginCallbackTypebox<{ readonly service: WalletService }> = (
  app,
  { service },
  done,
) => {
  app.get(
    '/api/gamification/wallet/:id',
    {
      config: { access: 'self', caching: 'user' },
      schema: {
        tags,
        summary: 'The balance of a user, and the lines of the ledger that it comes from, newest first, page by page',
        params: UserParams,
        querystring: WalletQuery,
        response: { 200: WalletPage, ...problemResponses(...readProblems, 'API_ERR_CURSOR') },
      },
    },
    request => service.read(request.params.id, request.query, request.caller),
  )

  app.post(
    '/api/gamification/wallet/:id/transactions',
    {
      config: { access: 'operator' },
      preValidation: requireIdempotencyKey,
      schema: {
        tags,
        summary: 'Earn, spend or refund coins, once per idempotency key',
        description:
          'Repeating a request with its key is always right: after a lost answer, a 5xx, or API_ERR_DATABASE_OUTCOME_UNKNOWN. What was done is answered again, byte for byte, ' +
          `with \`${IDEMPOTENCY_REPLAYED_HEADER}: true\`; what was refused is looked at anew. Keys are the user's, and are kept as long as the ledger.`,
        params: UserParams,
        querystring: NoQuery,
        headers: IdempotencyHeaders,
        body: TransactionRequest,
        response: {
          201: TransactionResult,
          ...problemResponses(
            ...writeProblems,
            'API_ERR_IDEMPOTENCY_KEY',
            'API_ERR_IDEMPOTENCY_KEY_REUSED',
            'API_ERR_WALLET_BALANCE',
            'API_ERR_WALLET_LIMIT',
          ),
        },
      },
    },
    async (request, reply) => {
      const key = request.headers[IDEMPOTENCY_KEY_HEADER]
      const { result, replayed } = await service.transact(request.params.id, key, request.body, request.deadline.signal)
      if (replayed) void reply.header(IDEMPOTENCY_REPLAYED_HEADER, 'true')
      return reply.code(201).send(result)
    },
  )
  done()
}
