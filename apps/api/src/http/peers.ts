// Whose word counts: which peers may say who the client is (X-Forwarded-*), under which id a request runs and when its time is up.
//
// A worker that listens on a Unix socket can only be reached by processes that may open it: that is the balancer, and its peers have no address.
// Over TCP a socket also has no address once it's destroyed, so "no address" means "the balancer" only for a worker that really listens on a Unix
// socket; that is decided when the worker starts, never per request. Hop counts aren't offered: they don't check the peer (GHSA-3m5p-2c4r-xxw2).
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

export interface PeerOptions {
  /** Whether this worker listens on a Unix socket. */
  readonly unixSocket: boolean
  /** Addresses and networks (`10.0.0.7`, `10.0.0.0/8`, `fd00::/8`) whose forwarding fields are believed. */
  readonly trustedProxies: readonly string[]
}

/** Answers whether the peer at this address is believed; hop 0 is the peer of the socket itself, higher hops come from X-Forwarded-For. */
export type TrustPeer = (address: string | undefined, hop: number) => boolean

/**
 * Makes the answer to "is this peer believed?" for Fastify's `trustProxy` and for our own fields.
 * @throws RangeError when an entry is no address and no network; `isNetwork` tells beforehand.
 */
export function trustPeers(options: PeerOptions): TrustPeer {
  const trusted = new BlockList()
  for (const entry of options.trustedProxies) {
    const network = parseNetwork(entry)
    if (!network)
      throw new RangeError(`${JSON.stringify(entry)} is neither an IP address nor a network such as 10.0.0.0/8.`)
    trusted.addSubnet(network.address, network.prefixBits, network.family)
  }
  return (address, hop) => {
    if (address === undefined) return options.unixSocket && hop === 0
    const version = isIP(address)
    return version !== 0 && trusted.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }
}

/** The client behind a proxy in front of the balancer, by the balancer's word; nobody else's gets past it. */
const CLIENT_FIELD = 'x-real-ip'

/**
 * Makes `request.ip` the client that the balancer has found out by its own list of trusted proxies. Else a worker stopped at the first proxy that only the balancer knows
 * of, and all clients behind that one would be one. Only over a Unix socket: other proxies pass the field on as clients wrote it.
 */
export function believeClientField({ headers, socket }: IncomingMessage, trustPeer: TrustPeer): void {
  const client = headers[CLIENT_FIELD]
  if (typeof client !== 'string' || isIP(client) === 0) return
  if (socket.remoteAddress === undefined && trustPeer(undefined, 0)) headers['x-forwarded-for'] = client
}

/** Whether a text is an IP address or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined
}

/** Whether a network is wider than the private ones are (10.0.0.0/8, fc00::/7): whoever trusts it trusts strangers. */
export function isWideNetwork(text: string): boolean {
  const network = parseNetwork(text)
  if (network === undefined) return false
  const { address, prefixBits, family } = network
  if (family === 'ipv4') return prefixBits < WIDEST_BITS.ipv4
  if (prefixBits < WIDEST_BITS.ipv6) return true
  // IPv4 addresses, as IPv6 writes them.
  const own = new BlockList()
  own.addSubnet(address, prefixBits, 'ipv6')
  const hasIpv4 = own.check(MAPPED_IPV4, 'ipv6') || mappedIpv4.check(address, 'ipv6')
  return hasIpv4 && prefixBits < MAPPED_BITS + WIDEST_BITS.ipv4
}

const WIDEST_BITS = { ipv4: 8, ipv6: 7 } as const
const MAPPED_IPV4 = '::ffff:0:0'
const MAPPED_BITS = 96
const mappedIpv4 = new BlockList()
mappedIpv4.addSubnet(MAPPED_IPV4, MAPPED_BITS, 'ipv6')

interface Network {
  readonly address: string
  readonly prefixBits: number
  readonly family: 'ipv4' | 'ipv6'
}

function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const address = slash === -1 ? text : text.slice(0, slash)
  const version = isIP(address)
  if (version === 0) return undefined
  const bits = version === 6 ? 128 : 32
  const prefix = slash === -1 ? String(bits) : text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined
  return { address, prefixBits: Number(prefix), family: version === 6 ? 'ipv6' : 'ipv4' }
}

/** Whether an address is this machine's own; development exempts it from limits by address. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  const version = isIP(address)
  return version !== 0 && loopback.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')
