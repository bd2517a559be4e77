// Where answers are compressed and nothing is kept: a strong entity tag still is one of certain bytes, so it gets the coding's name (RFC 9110, 8.8.3.3). With caching, httpCaching
// does it.
//
// Registered behind the compressing plugin, whose hook has to run first.
import fastifyPlugin from 'fastify-plugin'
import { nameCoding } from '../http/entity-tag.ts'

export const codingTags = fastifyPlugin(
  (app, _options, done) => {
    app.addHook('onRoute', route => {
      const others = route.onSend === undefined ? [] : [route.onSend].flat()
      route.onSend = [
        ...others,
        (_request, reply, payload, next) => {
          const coding = reply.getHeader('content-encoding')
          if (typeof coding === 'string') nameCoding(reply, coding)
          next(null, payload)
        },
      ]
    })
    done()
  },
  { name: 'coding-tags' },
)
