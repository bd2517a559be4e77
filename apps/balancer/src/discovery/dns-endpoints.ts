// Endpoints behind a name: one per A and AAAA record, looked up again when the answers' time to live is over.
import { isIP } from 'node:net'
import { parseUpstreamAddress } from '../upstream/address.ts'
import { resolvedEndpoint } from './endpoint-list.ts'
import type { LookUp } from './look-up-loop.ts'
import { NameAddresses, type AddressFamilies } from './name-addresses.ts'

export interface DnsEndpointsOptions {
  readonly name: string
  readonly port: number
  /** What checks send as Host. */
  readonly authority: string
  readonly families: AddressFamilies
  /** The answers' time to live is brought into this range. */
  readonly minTtlMs: number
  readonly maxTtlMs: number
}

/**
 * Parses `http://name[:port]`.
 * @throws Error with a sentence that says what's wrong with the text.
 */
export function parseDnsName(text: string): Pick<DnsEndpointsOptions, 'name' | 'port' | 'authority'> {
  const address = parseUpstreamAddress(text)
  if (address.kind === 'unix') throw new Error(`"${text}": a socket's path is no name; give it as an upstream`)
  if (isIP(address.host) !== 0) throw new Error(`"${text}": there is nothing to look up; give it as an upstream`)
  return { name: address.host, port: address.port, authority: address.authority }
}

/** Looks the name up; what it knows stays between two calls. */
export function dnsLookUp({ name, port, authority, families, minTtlMs, maxTtlMs }: DnsEndpointsOptions): LookUp {
  const known = new NameAddresses(name, families)
  return async resolver => {
    const { addresses, ttlMs, fault } = await known.lookUp(resolver)
    return {
      endpoints: addresses.length === 0 ? null : addresses.map(each => resolvedEndpoint(each, port, authority, 1)),
      refreshMs: ttlMs === Infinity ? Infinity : Math.min(Math.max(ttlMs, minTtlMs), maxTtlMs),
      fault,
    }
  }
}
