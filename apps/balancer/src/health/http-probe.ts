// Asks an endpoint over HTTP, with our own codec, and judges the answer.
//
// Invariants
// * The answer has to be whole within the time of the check, or `MAX_BODY_BYTES` of it: one that hangs in the middle isn't well.
// * A kept connection that turns out to be closed is no failure: the endpoint is asked once more over a new one.
// * A connection is kept for `MAX_CHECKS_PER_CONNECTION` checks at most, and for none behind a failure: an endpoint that has stopped
//   accepting goes on answering over what is open, and a name may lead elsewhere by now.
import { METHOD, type MessageHead } from '@plimsoll/http1'
import type { UpstreamAddress } from '../upstream/address.ts'
import { CheckConnection, type CheckRequest } from './check-connection.ts'
import { Expectation, type CheckRequestOptions } from './expectation.ts'
import { PASSED, type Probe, type ProbeResult } from './probe.ts'

/** A minute of checks by default. */
const MAX_CHECKS_PER_CONNECTION = 30

export class HttpProbe implements Probe {
  readonly #address: UpstreamAddress
  readonly #name: string
  readonly #request: CheckRequest
  #connection: CheckConnection | null = null

  /** @throws Error when the options don't parse; `checkRequestIssues` says it beforehand. `onHead`: shown every final head. */
  constructor(address: UpstreamAddress, options: CheckRequestOptions, onHead: (head: MessageHead) => void = () => {}) {
    this.#address = address
    this.#name = `${options.method} ${options.path}`
    this.#request = {
      bytes: requestBytes(options, options.host === '' ? address.authority : options.host),
      method: options.method === 'HEAD' ? METHOD.HEAD : METHOD.GET,
      expectation: new Expectation(options),
      onHead,
      mayKeep: options.reuseConnection,
    }
  }

  async check(signal: AbortSignal): Promise<ProbeResult> {
    let seen = await this.#connect(false).ask(signal)
    if (seen.kind === 'stale') seen = await this.#connect(true).ask(signal)
    if (seen.kind === 'passed') return PASSED
    // Over a new connection nothing is stale; should it be, then it isn't well either.
    if (seen.kind === 'stale') return { kind: 'answer', message: `${this.#name} closed two connections in a row` }
    return { kind: seen.kind, message: `${this.#name}${seen.kind === 'answer' ? ' ' : ': '}${seen.message}` }
  }

  close(): void {
    this.#connection?.close()
    this.#connection = null
  }

  #connect(fresh: boolean): CheckConnection {
    const kept = this.#connection
    if (!fresh && kept !== null && kept.isFree && kept.answersTotal < MAX_CHECKS_PER_CONNECTION) return kept
    kept?.close()
    this.#connection = new CheckConnection(this.#address, this.#request)
    return this.#connection
  }
}

function requestBytes({ method, path, reuseConnection }: CheckRequestOptions, host: string): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    'User-Agent: plimsoll-health-check',
    'Accept: */*',
    // The text that the body has to contain is looked for in the bytes as they come.
    'Accept-Encoding: identity',
    ...(reuseConnection ? [] : ['Connection: close']),
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
