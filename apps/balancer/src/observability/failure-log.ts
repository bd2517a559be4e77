// One line per exchange that failed: what happened, to whom, and why it was not sent again.
import type { Logger } from '@plimsoll/telemetry'
import { BALANCER_ERRORS } from '../errors.ts'
import type { Exchange } from '../exchange.ts'

/** Whoever sends nonsense doesn't fill our log: what clients cause is told at the level for debugging. */
export function logFailure(logger: Logger, exchange: Exchange): void {
  const { errorCode: code } = exchange
  if (code === null) return
  const facts = {
    code,
    detail: exchange.errorDetail,
    requestId: exchange.id,
    method: exchange.method,
    status: exchange.status,
    endpoints: exchange.tried.map(endpoint => endpoint.id),
    retries: exchange.retryReasons ?? [],
    notRetriedBecause: exchange.notRetriedBecause,
  }
  const { source } = BALANCER_ERRORS[code]
  if (source === 'client') logger.debug(facts, 'a request was refused')
  else logger.warn(facts, 'a request failed')
}
