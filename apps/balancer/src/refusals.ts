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

/** Why nobody can be asked, without telling clients who there is. */
export function nobodyAvailable(endpoints: readonly Endpoint[]): BalancerError {
  const count = (health: string) => endpoints.filter(endpoint => endpoint.health === health).length
  const draining = endpoints.filter(
    ({ administrative, health }) => administrative === 'draining' && health === 'up',
  ).length
  const detail = `Endpoints: ${endpoints.length} known, ${count('starting')} starting, ${count('down')} down, ${draining} draining.`
  return new BalancerError('LB_ERR_NO_ENDPOINT', detail, { retryAfterS: 1 })
}
