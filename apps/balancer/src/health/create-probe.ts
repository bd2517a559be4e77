// Chooses by the options how an endpoint is looked at.
import type { MessageHead } from '@plimsoll/http1'
import type { UpstreamAddress } from '../upstream/address.ts'
import { ConnectProbe } from './connect-probe.ts'
import type { CheckRequestOptions } from './expectation.ts'
import { HttpProbe } from './http-probe.ts'
import type { Probe } from './probe.ts'

/** A probe for one endpoint: over HTTP where a path is given, else of the connection alone. `onHead` is shown every final head, before it's judged. */
export function createProbe(
  address: UpstreamAddress,
  options: CheckRequestOptions,
  onHead: (head: MessageHead) => void = () => {},
): Probe {
  return options.path === '' ? new ConnectProbe(address) : new HttpProbe(address, options, onHead)
}
