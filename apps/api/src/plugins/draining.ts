// While the worker drains, every answer asks the other side to use its connection no further.
import fastifyPlugin from 'fastify-plugin'
import type { DrainState } from '../resources/health/service.ts'

export const draining = fastifyPlugin<{ readonly drainState: DrainState }>(
  (app, { drainState }, done) => {
    // When it is sent, not when it was asked for: a request may have begun before the drain.
    app.addHook('onSend', (_request, reply, payload, next) => {
      if (drainState.draining) void reply.header('connection', 'close')
      next(null, payload)
    })
    done()
  },
  { name: 'draining' },
)
