// Endpoints from SRV records (RFC 2782): port and weight from the record, addresses from its target's A and AAAA.
//
// Invariants
// * Only records of the lowest priority number are used: the others are for when those can't be reached, which is the checks' to say of each
//   endpoint, not of a whole group.
// * A target whose look-up fails keeps the addresses that it had.
// * A target's weight is what its addresses get together: one with two addresses is still one server, or one group.
import { resolvedEndpoint } from './endpoint-list.ts'
import type { LookUp } from './look-up-loop.ts'
import { NameAddresses, type AddressFamilies } from './name-addresses.ts'
import { describeFailure, type NameResolver } from './name-resolver.ts'

export interface SrvEndpointsOptions {
  /** `_http._tcp.api.internal` */
  readonly name: string
  readonly families: AddressFamilies
  readonly refreshMs: number
}

interface Target {
  readonly name: string
  readonly port: number
  readonly weight: number
}

const MAX_NAME_LENGTH = 253
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/
const MAX_WEIGHT = 1000

/** @throws Error with a sentence when the text is no name that can be asked for. */
export function parseServiceName(text: string): string {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  if (name.length > MAX_NAME_LENGTH || !name.split('.').every(label => LABEL.test(label))) {
    throw new Error(`"${text}": the name of a service is written as in _http._tcp.api.internal`)
  }
  return name
}

/** Looks the service up, then its targets; what it knows stays between two calls. */
export function srvLookUp({ name, families, refreshMs }: SrvEndpointsOptions): LookUp {
  let known = new Map<string, NameAddresses>()
  return async (resolver, signal) => {
    const targets = await askTargets(name, resolver)
    if (signal.aborted) throw new Error(`${name}: no time left to look its targets up`)
    known = new Map(
      targets.map(target => [target.name, known.get(target.name) ?? new NameAddresses(target.name, families)]),
    )
    const found = new Map<string, readonly string[]>()
    const faults: string[] = []
    await Promise.all(
      Array.from(known, async ([target, of]) => {
        const { addresses, fault } = await of.lookUp(resolver)
        found.set(target, addresses)
        if (fault !== null) faults.push(fault)
      }),
    )
    const endpoints = describe(targets, found)
    return {
      endpoints: endpoints.length === 0 ? null : endpoints,
      refreshMs: endpoints.length === 0 ? Infinity : refreshMs,
      fault: faults.length === 0 ? null : `${name}: ${faults.toSorted().join('; ')}`,
    }
  }
}

/** Targets of the lowest priority number, in an order of their own. */
async function askTargets(name: string, resolver: NameResolver): Promise<Target[]> {
  const records = await resolver.resolveSrv(name).catch((error: unknown) => {
    throw new Error(`${name}: SRV: ${describeFailure(error)}`)
  })
  const priority = Math.min(...records.map(record => record.priority))
  const targets = records.filter(record => record.priority === priority && record.port > 0 && record.name !== '')
  // A single record with the target "." says that the service isn't offered at all.
  if (targets.length === 0) throw new Error(`${name}: SRV: the answer names no target`)
  return targets.toSorted(
    (one, other) => compare(one.name, other.name) || one.port - other.port || one.weight - other.weight,
  )
}

function describe(targets: readonly Target[], found: ReadonlyMap<string, readonly string[]>) {
  const shares = new Map<string, { address: string; port: number; authority: string; share: number }>()
  for (const { name, port, weight } of targets) {
    const addresses = found.get(name) ?? []
    for (const address of addresses) {
      const key = `${address} ${port}`
      const share = weight / addresses.length + (shares.get(key)?.share ?? 0)
      shares.set(key, { address, port, authority: `${name}:${port}`, share })
    }
  }
  const all = [...shares.values()]
  const weights = wholeWeights(all.map(({ share }) => share))
  return all
    .map(({ address, port, authority }, index) => resolvedEndpoint(address, port, authority, weights[index] ?? 1))
    .toSorted((one, other) => compare(one.id, other.id))
}

/**
 * Weights from 1 to 1000. Those of records (0-65535) are taken as they are where they fit, else scaled to the largest. A weight of 0 asks
 * for a very small share (RFC 2782); when all have it they share alike.
 */
export function wholeWeights(shares: readonly number[]): number[] {
  const largest = Math.max(...shares)
  if (largest === 0) return shares.map(() => 1)
  const fits = largest <= MAX_WEIGHT && shares.every(share => Number.isInteger(share))
  const factor = fits ? 1 : MAX_WEIGHT / largest
  return shares.map(share => Math.max(1, Math.round(share * factor)))
}

function compare(one: string | number, other: string | number): number {
  return one < other ? -1 : one > other ? 1 : 0
}
