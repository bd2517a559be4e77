// An endpoint of which nothing but its address and its health matters.
import { parseUpstreamAddress } from '../../src/upstream/address.ts'
import { Endpoint, type AdministrativeState } from '../../src/upstream/endpoint.ts'

const SETTINGS = {
  circuit: { consecutiveFailures: 0, minSuccessRatio: 0, minRequests: 1, windowMs: 1000, baseMs: 1000, maxMs: 1000 },
  maxRequests: Infinity,
}

export function endpointAt(url: string, administrative: AdministrativeState = 'ready'): Endpoint {
  return new Endpoint({ id: url, url, address: parseUpstreamAddress(url), weight: 1, administrative }, SETTINGS, true)
}
