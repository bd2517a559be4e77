// Helmet's header fields on every answer, asked of @fastify/helmet once instead of with each request.
//
// Our options depend on nothing in a request, so neither do the fields; but the plugin works them out each time, in a dozen middlewares and an async hook.
// So a second, empty application is given the plugin, and asked at the start; what it says more than one without
// the plugin is said from then on. What a route or another plugin sets itself stays.
//
// No hook runs for an address that can't be read; whoever answers it calls `sayHelmetFields`.
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined where the plugin is switched off. */
    helmetFields?: Readonly<Record<string, string>>
  }
}

export const helmetHeaders = fastifyPlugin<{ readonly options: FastifyHelmetOptions }>(
  async (app, { options }) => {
    const headers = await helmetSays(options)
    app.decorate('helmetFields', headers)
    app.addHook('onRequest', (_request, reply, next) => {
      void reply.headers(headers)
      next()
    })
  },
  { name: 'helmet-headers' },
)

/** For answers that no hook runs for. */
export function sayHelmetFields(reply: FastifyReply): void {
  void reply.headers(reply.server.helmetFields ?? {})
}

/** The fields that helmet sets with these options. */
async function helmetSays(options: FastifyHelmetOptions): Promise<Readonly<Record<string, string>>> {
  const without = await answerOf(fastify())
  const helmeted = fastify()
  helmeted.register(helmet, options)
  const withHelmet = await answerOf(helmeted)
  return Object.fromEntries(
    Object.entries(withHelmet).flatMap(([name, value]) =>
      without[name] === undefined && typeof value === 'string' ? [[name, value]] : [],
    ),
  )
}

async function answerOf(app: FastifyInstance): Promise<Readonly<Record<string, unknown>>> {
  app.get('/', () => '')
  try {
    return (await app.inject('/')).headers
  } finally {
    await app.close()
  }
}
