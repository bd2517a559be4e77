// What the balancer answers by itself before anybody else is asked, and with which code.
import { METHOD, TARGET_FORM, type MessageHead } from '@plimsoll/http1'
import { BalancerError, type BalancerErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Endpoint } from './upstream/endpoint.ts'

/** What's refused by its head alone; null for what may go on. */
export function refusalFor(exchange: Exchange, head: MessageHead): BalancerError | null {
  if (head.method === METHOD.CONNECT || head.method === METHOD.TRACE || head.targetForm === TARGET_FORM.authority) {
    return new BalancerError('LB_ERR_METHOD_REFUSED', `${exchange.method} is refused.`)
  }
  if (head.expectUnknown)
    return new BalancerError('LB_ERR_EXPECTATION', 'The only expectation that is met is 100-continue.')
  return null
}

/** Our code for a refusal of the codec, which has a status and a code of its own. */
export function codeForStatus(status: number): BalancerErrorCode {
  if (status === 413) return 'LB_ERR_BODY_TOO_LARGE'
  return status === 431 || status === 414 ? 'LB_ERR_HEAD_TOO_LARGE' : 'LB_ERR_BAD_REQUEST'
}

/** The time that a trusted peer gave the request is over. */
export function outOfTime(): BalancerError {
  return new BalancerError('LB_ERR_DEADLINE', 'The time that x-request-deadline-ms gave is over.')
}

/** Why nobody can be asked, without telling clients who there is. `candidates`: those that requests are sent to. */
export function nobodyAvailable(endpoints: readonly Endpoint[], candidates: number): BalancerError {
  if (candidates > 0) {
    const detail = `${candidates} of ${endpoints.length} endpoints take requests, and each has as many as it may have at once.`
    return new BalancerError('LB_ERR_ENDPOINTS_BUSY', detail, { retryAfterS: 1 })
  }
  const count = (test: (endpoint: Endpoint) => boolean) => endpoints.filter(test).length
  const ready = ({ administrative }: Endpoint) => administrative === 'ready'
  const states = [
    `${count(one => ready(one) && one.health === 'starting')} starting`,
    `${count(one => ready(one) && one.health === 'down')} down`,
    `${count(one => ready(one) && one.health === 'up' && one.circuit.state !== 'closed')} ejected`,
    `${count(one => !ready(one))} draining`,
  ]
  const detail = `Endpoints: ${endpoints.length} known, ${states.join(', ')}.`
  return new BalancerError('LB_ERR_NO_ENDPOINT', detail, { retryAfterS: 1 })
}
