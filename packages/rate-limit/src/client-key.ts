// One key per client from its address, however it's written.
//
//   192.0.2.7, 192.0.2.7:51000, ::ffff:192.0.2.7, ::ffff:c000:207   ► 192.0.2.7
//   2001:DB8::1, [2001:db8:0:0::2]:443, 2001:db8::3%eth0            ► 2001:db8:0:0::/64
//   what is no address                                              ► unknown
//
// IPv6 by prefix, because a host gets a /64 and can have 2^64 addresses of it. Zone ids and ports are dropped: they aren't the client's name, and who
// can choose them would have a new key each time. All that can't be read is one client, so that garbage is limited, too.
//
// Invariants: never throws; at most MAX_CHARS are looked at; IPv4 as sockets write it is given back as it is, without allocation.
// @hot
import { RateLimitError } from './errors.ts'

/** The key of everything that is no address; a Unix socket's peer, for one. */
export const UNKNOWN_CLIENT = 'unknown'

export interface ClientKeysOptions {
  /** Bits of an IPv6 address that make a client. Default 64, 16 to 128. 56 or 48 where providers hand out more than a /64 per customer. */
  readonly ipv6PrefixBits?: number
}

/** An address in brackets with zone and port is shorter. */
const MAX_CHARS = 96
const ZONE_PATTERN = /^[\w.~-]{1,32}$/
const PORT_PATTERN = /^\d{1,5}$/
const GROUPS = 8
const DOT = 0x2e
const COLON = 0x3a

/**
 * Gives a function from an address, as a socket or a trusted proxy names it, to the client's key.
 * @throws RateLimitError `RATE_LIMIT_ERR_OPTION`
 */
export function createClientKeys(options: ClientKeysOptions = {}): (address: string | undefined) => string {
  const { ipv6PrefixBits = 64, ...unknown } = options
  if (!Number.isInteger(ipv6PrefixBits) || ipv6PrefixBits < 16 || ipv6PrefixBits > 128) {
    throw new RateLimitError(
      'RATE_LIMIT_ERR_OPTION',
      `ipv6PrefixBits is a whole number from 16 to 128, not ${ipv6PrefixBits}.`,
    )
  }
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw new RateLimitError('RATE_LIMIT_ERR_OPTION', `There is no option "${name}"; there is: ipv6PrefixBits.`)
  }
  // Filled anew by each call that needs it.
  const groups = new Uint16Array(GROUPS)
  return address => clientKey(address, ipv6PrefixBits, groups)
}

function clientKey(address: string | undefined, prefixBits: number, groups: Uint16Array): string {
  if (address === undefined || address.length > MAX_CHARS) return UNKNOWN_CLIENT
  if (isIpv4(address, 0, address.length)) return address
  const bare = withoutPort(address)
  if (bare === null) return UNKNOWN_CLIENT
  if (isIpv4(bare, 0, bare.length)) return bare
  if (!readIpv6(bare, groups)) return UNKNOWN_CLIENT
  if (isMapped(groups)) {
    const high = groups[6] as number
    const low = groups[7] as number
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  }
  return prefixOf(groups, prefixBits)
}

/** Null when what's behind the address is no port, or brackets don't close. */
function withoutPort(address: string): string | null {
  if (address.startsWith('[')) {
    const end = address.indexOf(']')
    if (end === -1) return null
    const rest = address.slice(end + 1)
    const inside = address.slice(1, end)
    if (rest !== '' && !(rest.startsWith(':') && PORT_PATTERN.test(rest.slice(1)))) return null
    return inside.includes(':') ? inside : null
  }
  const colon = address.indexOf(':')
  // Only an IPv4 address has a single colon, the port's.
  if (colon === -1 || colon !== address.lastIndexOf(':')) return address
  return PORT_PATTERN.test(address.slice(colon + 1)) ? address.slice(0, colon) : null
}

/** Four numbers up to 255 without leading zeros: `010` is 8 to some and 10 to others. */
function isIpv4(text: string, start: number, end: number): boolean {
  let dots = 0
  let value = -1
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    if (unit === DOT) {
      if (value === -1 || ++dots > 3) return false
      value = -1
      continue
    }
    const digit = unit - 0x30
    if (digit < 0 || digit > 9 || value === 0) return false
    value = value === -1 ? digit : value * 10 + digit
    if (value > 255) return false
  }
  return dots === 3 && value !== -1
}

/** ::ffff:0:0/96 */
function isMapped(groups: Uint16Array): boolean {
  for (let i = 0; i < 5; i++) if (groups[i] !== 0) return false
  return groups[5] === 0xffff
}

/**
 * The eight groups of an IPv6 address (RFC 4291 2.2) with or without a zone id; false when it's none.
 *
 *   address = group *( ":" group ), eight of them, of which "::" may stand for one or more once; the last two may be an IPv4 address
 */
function readIpv6(address: string, groups: Uint16Array): boolean {
  const percent = address.indexOf('%')
  if (percent !== -1 && !ZONE_PATTERN.test(address.slice(percent + 1))) return false
  const end = percent === -1 ? address.length : percent
  let count = 0
  /** Groups before the "::"; -1 without one. */
  let gap = -1
  let i = 0
  while (i < end) {
    if (address.charCodeAt(i) === COLON && i + 1 < end && address.charCodeAt(i + 1) === COLON) {
      if (gap !== -1) return false
      gap = count
      i += 2
      if (i === end) break
    } else if (count > 0) {
      if (address.charCodeAt(i) !== COLON) return false
      i++
    }
    if (count === GROUPS) return false
    const start = i
    let value = 0
    for (let digit = 0; i < end && (digit = hexDigit(address.charCodeAt(i))) !== -1; i++) value = value * 16 + digit
    if (i < end && address.charCodeAt(i) === DOT) {
      if (count > GROUPS - 2 || !isIpv4(address, start, end)) return false
      const value32 = ipv4Value(address, start, end)
      groups[count++] = value32 >>> 16
      groups[count++] = value32 & 0xffff
      i = end
    } else {
      if (i === start || i - start > 4) return false
      groups[count++] = value
    }
  }
  if (gap === -1) return count === GROUPS
  // "::" stands for one group at least.
  if (count === GROUPS) return false
  groups.copyWithin(GROUPS - count + gap, gap, count)
  groups.fill(0, gap, GROUPS - count + gap)
  return true
}

function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const lower = unit | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Of what `isIpv4` has looked at: 32 bits. */
function ipv4Value(text: string, start: number, end: number): number {
  let value = 0
  let part = 0
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    if (unit === DOT) {
      value = (value << 8) | part
      part = 0
    } else part = part * 10 + unit - 0x30
  }
  return ((value << 8) | part) >>> 0
}

function prefixOf(groups: Uint16Array, prefixBits: number): string {
  const whole = Math.ceil(prefixBits / 16)
  let key = ''
  for (let i = 0; i < whole; i++) {
    const bits = Math.min(16, prefixBits - i * 16)
    const group = (groups[i] as number) & (0xffff << (16 - bits)) & 0xffff
    key += i === 0 ? group.toString(16) : `:${group.toString(16)}`
  }
  return whole === GROUPS ? `${key}/${prefixBits}` : `${key}::/${prefixBits}`
}
