// Refuses what a worker can't afford any more when it's short of memory: low priority from `critical` on, all but critical in an emergency. Health checks are always
// answered, or the balancer would take a worker that refuses for one that's dead.
//
// The refusal is cheap, says when to come again (spread, so that not all do at once), and another worker may have room: a balancer that retries finds it.
import fastifyPlugin from 'fastify-plugin'
import { ApiError } from '../errors.ts'
import type { TrustPeer } from '../http/peers.ts'
import { sendProblem } from '../http/problem-reply.ts'
import type { Admission } from '../memory/admission.ts'

/** critical, high, normal or low; set by the balancer towards its workers. */
export const PRIORITY_HEADER = 'x-request-priority'

const ALWAYS = '/health'
const RETRY_AFTER_S = { least: 1, spread: 4 }

export interface LoadSheddingOptions {
  readonly admission: Admission
  readonly trustPeer: TrustPeer
  readonly random: { next(): number }
}

export const loadShedding = fastifyPlugin<LoadSheddingOptions>(
  (app, { admission, trustPeer, random }, done) => {
    app.addHook('onRequest', (request, reply, next) => {
      if (!admission.isLimited || request.routeOptions.url?.startsWith(ALWAYS) === true) return next()
      const given = trustPeer(request.raw.socket.remoteAddress, 0) ? request.headers[PRIORITY_HEADER] : undefined
      if (admission.admits(typeof given === 'string' ? given : undefined)) return next()
      const retryAfterS = RETRY_AFTER_S.least + Math.floor(random.next() * (RETRY_AFTER_S.spread + 1))
      sendProblem(
        reply,
        new ApiError('API_ERR_OVERLOADED', 'This server is short of memory and takes only what matters most.', {
          retryAfterS,
        }),
      )
    })
    done()
  },
  { name: 'load-shedding' },
)
