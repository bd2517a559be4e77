// Endpoints that were given by name and don't change.
import { parseUpstreamAddress } from '../upstream/address.ts'
import type { EndpointDescription } from '../upstream/endpoint.ts'

/** The list from the configuration; an endpoint's id is its URL. */
export function staticEndpoints(
  upstreams: readonly { readonly url: string; readonly weight: number }[],
): EndpointDescription[] {
  return upstreams.map(({ url, weight }) => ({
    id: url,
    url,
    address: parseUpstreamAddress(url),
    weight,
    administrative: 'ready',
  }))
}
