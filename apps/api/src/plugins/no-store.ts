// What nobody on the way may keep, nor the browser.
import fastifyPlugin from 'fastify-plugin'

/** Answers to requests with credentials: they may be for one user. */
export const privateAnswers = fastifyPlugin(
  (app, _options, done) => {
    app.addHook('onSend', ({ headers }, reply, payload, next) => {
      if (headers.authorization !== undefined || headers.cookie !== undefined)
        void reply.header('cache-control', 'no-store')
      next(null, payload)
    })
    done()
  },
  { name: 'private-answers' },
)

/** All answers: where nothing is kept here, nothing is kept anywhere. */
export const storeNothing = fastifyPlugin(
  (app, _options, done) => {
    app.addHook('onSend', (_request, reply, payload, next) => {
      void reply.header('cache-control', 'no-store')
      next(null, payload)
    })
    done()
  },
  { name: 'store-nothing' },
)
