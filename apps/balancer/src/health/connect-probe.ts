// Opens a connection and closes it: that it opens passes. For endpoints of which nothing else is known; it proves that the system accepts
// for the process, not that the process does anything.
import { connect } from 'node:net'
import { connectOptions, type UpstreamAddress } from '../upstream/address.ts'
import { connectFailure, PASSED, type Probe, type ProbeResult } from './probe.ts'

export class ConnectProbe implements Probe {
  readonly #address: UpstreamAddress

  constructor(address: UpstreamAddress) {
    this.#address = address
  }

  check(signal: AbortSignal): Promise<ProbeResult> {
    return new Promise(resolve => {
      const socket = connect(connectOptions(this.#address))
      let cause: NodeJS.ErrnoException | null = null
      const settle = (result: ProbeResult) => {
        signal.removeEventListener('abort', onAbort)
        socket.destroy()
        resolve(named(result))
      }
      const onAbort = () => settle({ kind: 'connect', message: 'not open in time' })
      socket.once('connect', () => settle(PASSED))
      socket.on('error', error => {
        cause = error
      })
      socket.once('close', () => settle(connectFailure(cause)))
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
    })
  }

  close(): void {
    // Nothing is kept.
  }
}

function named(result: ProbeResult): ProbeResult {
  return result.kind === 'passed' ? result : { kind: result.kind, message: `connect: ${result.message}` }
}
