// Addresses of clients as log lines have them: whole, cut to their network, or not at all. One place for all lines, also those that somebody writes later: fields of these
// names pass through here, whoever logs them.
import { BlockList, isIP, SocketAddress } from 'node:net'
import type { Logger } from '@plimsoll/telemetry'

/** `truncated`: IPv4 to 24 bits, IPv6 to 48: a network, seldom a person. */
export const LOGGED_ADDRESSES = ['full', 'truncated', 'none'] as const
export type LoggedAddresses = (typeof LOGGED_ADDRESSES)[number]

/** Top-level fields of log lines that hold a client's address. */
const FIELDS = ['ip', 'address', 'remoteAddress'] as const

/** What stands where an address does and says nothing of anybody. */
const NO_ADDRESS = /^(?:|unknown|localhost|unix(?::[/@].*)?)$/

/** Brackets around an IPv6 address, as those that a port follows need; or an IPv4 address with a port. Proxies write both into X-Forwarded-For. */
const BRACKETED = /^\[([^\]]*)\](?::\d+)?$/
const WITH_PORT = /^([\d.]+):\d+$/

/** What a line says in place of an address; undefined also for what is none and none of the few known words: it may hold one in a form that nobody has thought of. */
export function loggedAddress(form: LoggedAddresses, address: unknown): unknown {
  if (form === 'full') return address
  if (typeof address !== 'string') return undefined
  const written = address.trim()
  if (NO_ADDRESS.test(written)) return address
  const host = BRACKETED.exec(written)?.[1] ?? WITH_PORT.exec(written)?.[1] ?? written
  const [plain = ''] = host.split('%')
  const version = isIP(plain)
  if (form === 'none' || version === 0) return undefined
  if (version === 4) return truncatedIpv4(plain)
  const mapped = mappedIpv4(plain)
  return mapped === undefined ? truncatedIpv6(plain) : truncatedIpv4(mapped)
}

/** The same logger, its children too, with addresses in this form. */
export function withLoggedAddresses(logger: Logger, form: LoggedAddresses): Logger {
  if (form === 'full') return logger
  const cut = (address: unknown): unknown => loggedAddress(form, address)
  return logger.child({}, { serializers: Object.fromEntries(FIELDS.map(field => [field, cut])) })
}

function truncatedIpv4(address: string): string {
  return `${address.slice(0, address.lastIndexOf('.'))}.0`
}

/** The first three groups, in the form of RFC 5952. */
function truncatedIpv6(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0)
    while (groups.length < 8 - behind) groups.push('0')
    // What's behind the gap may reach into the first three.
    groups.push(...(tail === '' ? [] : tail.split(':')))
  }
  const first = groups.slice(0, 3).map(group => Number.parseInt(group, 16).toString(16))
  return new SocketAddress({ address: `${first.join(':')}::`, family: 'ipv6' }).address
}

const mapped = new BlockList()
mapped.addSubnet('::ffff:0:0', 96, 'ipv6')

/** Of an IPv4 address as IPv6 writes it; undefined: it's none. */
function mappedIpv4(address: string): string | undefined {
  if (!mapped.check(address, 'ipv6')) return undefined
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' })
  return canonical.slice(canonical.lastIndexOf(':') + 1)
}
