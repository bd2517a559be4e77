// Which peers may say who the client is. A client says what it likes; a proxy of ours in front says what it has seen.
import { BlockList, isIP, isIPv6 } from 'node:net'

export class TrustedProxies {
  readonly #list = new BlockList()
  readonly #unixPeers: boolean

  /**
   * `entries`: addresses, CIDR ranges, or `unix` for peers that come over a Unix socket.
   * @throws Error with a sentence about the first entry that's neither.
   */
  constructor(entries: readonly string[]) {
    this.#unixPeers = entries.includes('unix')
    for (const entry of entries) {
      if (entry === 'unix') continue
      const [address = '', bits, ...rest] = entry.split('/')
      const family = isIP(address)
      const most = family === 6 ? 128 : 32
      if (family === 0 || rest.length > 0 || (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most))) {
        throw new Error(`"${entry}" is no address, no range like 10.0.0.0/8 and not "unix"`)
      }
      const type = family === 6 ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#list.addAddress(address, type)
      else this.#list.addSubnet(address, Number(bits), type)
    }
  }

  /** `address` as `plainAddress` gives it; empty for a Unix socket. */
  has(address: string): boolean {
    if (address === '') return this.#unixPeers
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  /**
   * The client behind a chain of proxies: the last address of X-Forwarded-For that isn't a trusted proxy's. What stands left of it was
   * said by someone who isn't trusted. Null when the list says nothing usable.
   */
  clientOf(forwardedFor: string): string | null {
    let client: string | null = null
    for (const part of forwardedFor.split(',').toReversed()) {
      const address = plainAddress(withoutPort(part.trim()))
      if (isIP(address) === 0) return client
      client = address
      if (!this.has(address)) return client
    }
    return client
  }
}

/** `address:port` and `[address]:port`, as some proxies write the peers that they have seen (RFC 7239, 6, does it as well). Empty when it's neither that nor without a port. */
function withoutPort(node: string): string {
  const written = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(node)
  if (written !== null) return written[1] ?? written[2] ?? ''
  return node.startsWith('[') ? '' : node
}

/** Without the mapping of IPv4 into IPv6, brackets and zone. */
export function plainAddress(address: string): string {
  const bare = address.startsWith('[') ? address.slice(1, address.indexOf(']')) : address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)
  return mapped?.[1] ?? bare.split('%')[0] ?? ''
}
