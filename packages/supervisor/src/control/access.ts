// Who may change something over the control server.
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** Checks an Authorization field against the token in a time that depends on neither: hashes are of one length. */
export function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = sha256(token)
  return authorization => {
    // RFC 9110, section 11.1: the scheme is case-insensitive.
    const given = /^bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1] ?? ''
    return timingSafeEqual(sha256(given), expected)
  }
}

/** Checks that a Host field (name, with or without a port) is loopback or one of the given names. */
export function createHostCheck(allowed: readonly string[]): (host: string | undefined) => boolean {
  const names = new Set(allowed.map(name => name.toLowerCase()))
  return host => {
    const name = hostName(host ?? '')
    return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.')) || names.has(name)
  }
}

/** The name in `name`, `name:port`, `[ipv6]` or `[ipv6]:port`, in lower case; empty when it's none of these. */
function hostName(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d+)?$/i.exec(host)
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase()
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
