// Lists of endpoints from several sources become one.
import type { EndpointDescription } from '../upstream/endpoint.ts'

/** All lists behind each other; of endpoints with the same id the first one stays. */
export function joinLists(lists: Iterable<readonly EndpointDescription[]>): EndpointDescription[] {
  const joined = new Map<string, EndpointDescription>()
  for (const list of lists) {
    for (const endpoint of list) if (!joined.has(endpoint.id)) joined.set(endpoint.id, endpoint)
  }
  return [...joined.values()]
}

/** Whether two lists say the same in the same order. An address follows from its URL, but for the name in it. */
export function isSameList(one: readonly EndpointDescription[], other: readonly EndpointDescription[]): boolean {
  return one.length === other.length && one.every((endpoint, index) => isSame(endpoint, other[index]))
}

function isSame(one: EndpointDescription, other: EndpointDescription | undefined): boolean {
  return (
    other !== undefined &&
    one.id === other.id &&
    one.url === other.url &&
    one.weight === other.weight &&
    one.administrative === other.administrative &&
    one.address.authority === other.address.authority
  )
}

/** An endpoint at an address that a name led to; its id is its URL. The name stays the authority, which checks send as Host. */
export function resolvedEndpoint(
  address: string,
  port: number,
  authority: string,
  weight: number,
): EndpointDescription {
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`
  return {
    id: url,
    url,
    address: { kind: 'tcp', host: address, port, authority },
    weight,
    administrative: 'ready',
  }
}
