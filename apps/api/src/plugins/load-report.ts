// Every answer to the balancer says how loaded this worker is; the balancer steers by it and takes it off before a client sees it. Its checks are
// answered like that too, so an idle worker is heard of.
//
// Nobody else is told: to whom a worker lends its figures is who may say who the client is.
import fastifyPlugin from 'fastify-plugin'
import { LOAD_REPORT_HEADER, type LoadReporter } from '@plimsoll/load-report'
import type { TrustPeer } from '../http/peers.ts'

export interface LoadReportOptions {
  readonly reporter: LoadReporter
  readonly trustPeer: TrustPeer
}

export const loadReport = fastifyPlugin<LoadReportOptions>(
  (app, { reporter, trustPeer }, done) => {
    // When it's sent: a slow request's report would be as old as the request.
    app.addHook('onSend', (request, reply, payload, next) => {
      if (trustPeer(request.raw.socket.remoteAddress, 0)) void reply.header(LOAD_REPORT_HEADER, reporter.header())
      next(null, payload)
    })
    done()
  },
  { name: 'load-report' },
)
