// What changes in a request's head on its way to an endpoint, in this order:
//
//   1. hop-by-hop fields go (the codec marks them: RFC 9110, 7.6.1)
//   2. fields that only the balancer may set go, and are set anew: X-Forwarded-For, -Proto, -Host, Forwarded (RFC 7239), X-Request-Id;
//      X-Request-Deadline-Ms, which is set anew with each try, by the pipeline
//   3. X-Real-IP is the client behind a trusted peer, as `trustedProxies` tells it: nobody has to find it out again in X-Forwarded-For, with a list of their own
//   4. Via is added (RFC 9110, 7.6.3), Max-Forwards of an OPTIONS is counted down (7.6.2); for other methods it has no meaning
//
// A peer in the list of trusted proxies is believed: its X-Forwarded-For and Forwarded are continued, its request id, protocol, host,
// deadline and priority are kept. Nobody's X-Real-IP is.
import { HEADER, HeadRewrite, METHOD, CONNECTION, headRoom, writeRequestHead, type MessageHead } from '@plimsoll/http1'
import { isIPv6, type Socket } from 'node:net'
import type { Exchange } from '../exchange.ts'
import { RequestIds } from './request-ids.ts'
import { plainAddress, type TrustedProxies } from './trusted-proxies.ts'

const SET_BY_BALANCER = [
  HEADER.xForwardedFor,
  HEADER.xForwardedProto,
  HEADER.xForwardedHost,
  HEADER.xRealIp,
  HEADER.forwarded,
  HEADER.xRequestId,
  HEADER.xRequestDeadlineMs,
]
const ONLY_FROM_TRUSTED = [HEADER.xForwardedPort, HEADER.xForwardedPrefix, HEADER.xRequestPriority]

/** Facts about a client's connection that go into every head. */
export interface ClientIdentity {
  readonly peerAddress: string
  readonly isTrusted: boolean
  readonly protocol: 'http' | 'https'
  /** The peer as Forwarded names it (RFC 7239, 6): an IPv6 address stands in brackets and quotes. */
  readonly node: string
  /** X-Forwarded-For and -Proto for a peer that isn't believed. */
  readonly lines: string
}

/** Made once per connection. */
export function clientIdentity(peerAddress: string, isTrusted: boolean, protocol: 'http' | 'https'): ClientIdentity {
  const node = peerAddress === '' ? 'unknown' : isIPv6(peerAddress) ? `"[${peerAddress}]"` : peerAddress
  return { peerAddress, isTrusted, protocol, node, lines: `${addressLine('', peerAddress)}${protocolLine(protocol)}` }
}

export class RequestPasses {
  readonly #trusted: TrustedProxies
  readonly #ids: RequestIds
  readonly #untrusted = rewriteOf([...SET_BY_BALANCER, ...ONLY_FROM_TRUSTED])
  readonly #fromTrusted = rewriteOf(SET_BY_BALANCER)

  constructor(trusted: TrustedProxies, ids: RequestIds) {
    this.#trusted = trusted
    this.#ids = ids
  }

  /** Fills what the exchange knows of its client when nothing of the request can be believed. */
  identify(exchange: Exchange, identity: ClientIdentity): void {
    exchange.id = this.#ids.next()
    exchange.clientAddress = identity.peerAddress
  }

  /**
   * Fills what the exchange knows of its client, which is enough to refuse it; gives the X-Forwarded-For of a peer that's believed,
   * for `apply`.
   */
  meet(exchange: Exchange, head: MessageHead, { peerAddress, isTrusted }: ClientIdentity): string {
    const said = isTrusted ? head.value(HEADER.xRequestId) : undefined
    exchange.id = said !== undefined && RequestIds.accepts(said) ? said : this.#ids.next()
    exchange.clientAddress = peerAddress
    if (!isTrusted) return ''
    exchange.givenMs = givenMs(head)
    const chain = joined(head, HEADER.xForwardedFor)
    exchange.clientAddress = (chain && this.#trusted.clientOf(chain)) || peerAddress
    return chain
  }

  /** Writes the head that goes to an endpoint into a buffer of its own. `chain` is what `meet` gave. */
  apply(exchange: Exchange, head: MessageHead, identity: ClientIdentity, chain: string): void {
    const { isTrusted } = identity
    const host = head.hostString()
    const client = exchange.clientAddress
    let lines = isTrusted
      ? continuedLines(head, chain, identity, host)
      : `${identity.lines}${hostLine(host)}${forwardedLine('', identity, host)}`
    // Without a proxy in front X-Forwarded-For has one address, and says the same.
    if (client !== identity.peerAddress) lines += `X-Real-IP: ${client}\r\n`
    lines += `X-Request-Id: ${exchange.id}\r\nVia: 1.${head.versionMinor} plimsoll\r\n`
    const left = head.method === METHOD.OPTIONS ? maxForwards(head) : null
    if (left !== null) lines += `Max-Forwards: ${left - 1}\r\n`
    const rewrite = isTrusted ? this.#fromTrusted : this.#untrusted
    // An expectation of HTTP/1.0 is to be ignored (RFC 9110, 10.1.1).
    rewrite.skip[HEADER.expect] = head.expectContinue ? 0 : 1
    rewrite.skip[HEADER.maxForwards] = left === null ? 0 : 1
    rewrite.connection = exchange.wantsUpgrade ? CONNECTION.upgrade : CONNECTION.none
    rewrite.setExtra(Buffer.from(lines, 'latin1'))
    if (host === '') rewrite.defaultHost = Buffer.from(localAuthority(exchange.client.socket), 'latin1')
    const out = Buffer.allocUnsafe(headRoom(head, rewrite))
    exchange.requestHead = out.subarray(0, writeRequestHead(out, 0, head, rewrite))
  }
}

/**
 * The address that the client has connected to: the host of a request that names none, as only HTTP/1.0 may (RFC 9112, 3.3). Some
 * endpoints refuse an empty Host. X-Forwarded-Host isn't set for it, since the client has said nothing.
 */
function localAuthority({ localAddress, localPort }: Pick<Socket, 'localAddress' | 'localPort'>): string {
  const address = plainAddress(localAddress ?? '')
  if (address === '') return 'localhost'
  return `${isIPv6(address) ? `[${address}]` : address}:${localPort}`
}

/** Milliseconds that the peer leaves for the request; Infinity when it says nothing that can be read. */
function givenMs(head: MessageHead): number {
  const value = head.value(HEADER.xRequestDeadlineMs)
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : Infinity
}

function rewriteOf(skipped: readonly number[]): HeadRewrite {
  const rewrite = new HeadRewrite()
  for (const id of skipped) rewrite.skip[id] = 1
  return rewrite
}

/** What a peer that's believed has said, continued with what we see of the peer. */
function continuedLines(head: MessageHead, chain: string, identity: ClientIdentity, host: string): string {
  const saidProtocol = head.value(HEADER.xForwardedProto)
  const protocol = saidProtocol === 'http' || saidProtocol === 'https' ? saidProtocol : identity.protocol
  const seenHost = head.value(HEADER.xForwardedHost) ?? host
  return `${addressLine(chain, identity.peerAddress)}${protocolLine(protocol)}${hostLine(seenHost)}${forwardedLine(joined(head, HEADER.forwarded), identity, host)}`
}

function addressLine(chain: string, peerAddress: string): string {
  const all = [chain, peerAddress].filter(part => part !== '').join(', ')
  return all === '' ? '' : `X-Forwarded-For: ${all}\r\n`
}

function protocolLine(protocol: string): string {
  return `X-Forwarded-Proto: ${protocol}\r\n`
}

function hostLine(host: string): string {
  return host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`
}

/** RFC 7239, 4: a host may have a port, so it stands in quotes. */
function forwardedLine(before: string, { node, protocol }: ClientIdentity, host: string): string {
  const element = `for=${node};${host === '' ? '' : `host="${host}";`}proto=${protocol}`
  return `Forwarded: ${before === '' ? '' : `${before}, `}${element}\r\n`
}

/** All fields of a name as one list. */
function joined(head: MessageHead, id: number): string {
  let all = ''
  for (let i = head.find(id); i !== -1; i = head.find(id, i + 1)) all += (all === '' ? '' : ', ') + head.valueString(i)
  return all
}

/** Largest Max-Forwards that is told; a larger one counts as this (RFC 9110, 7.6.2). */
const MOST_FORWARDS = 1_000_000

/** `null` when there's no usable Max-Forwards. */
export function maxForwards(head: MessageHead): number | null {
  const value = head.value(HEADER.maxForwards)
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), MOST_FORWARDS) : null
}
