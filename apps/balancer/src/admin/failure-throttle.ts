// Wrong tokens by address: after `maxFailures` within `windowMs` the address is answered nothing but 429 until the window is over.
//
//   address ──first failure──► window begins ──maxFailures──► blocked ──window over──► forgotten
//
// Invariants: at most `maxAddresses` windows are kept, in the order in which they began; the oldest goes first. One IPv6 subscriber has a
// /64, so that much counts as one address. A right token doesn't end a block: else guessing would go on in its shadow.
import { isIPv6 } from 'node:net'

export interface FailureThrottleOptions {
  readonly maxFailures: number
  readonly windowMs: number
  /** Addresses that are remembered at once. */
  readonly maxAddresses: number
}

interface Window {
  readonly endsAtMs: number
  failures: number
}

export class FailureThrottle {
  readonly #options: FailureThrottleOptions
  readonly #clock: { now(): number }
  /** In the order of their ends, since all are equally long. */
  readonly #windows = new Map<string, Window>()

  constructor(options: FailureThrottleOptions, clock: { now(): number }) {
    this.#options = options
    this.#clock = clock
  }

  /** How long the address is still blocked; 0: it isn't. */
  blockedMs(address: string): number {
    const window = this.#windowOf(keyOf(address))
    if (!window || window.failures < this.#options.maxFailures) return 0
    return window.endsAtMs - this.#clock.now()
  }

  recordFailure(address: string): void {
    const key = keyOf(address)
    const window = this.#windowOf(key)
    if (window) {
      window.failures++
      return
    }
    const { maxAddresses, windowMs } = this.#options
    if (this.#windows.size >= maxAddresses) {
      const [oldest] = this.#windows.keys()
      if (oldest !== undefined) this.#windows.delete(oldest)
    }
    this.#windows.set(key, { endsAtMs: this.#clock.now() + windowMs, failures: 1 })
  }

  #windowOf(key: string): Window | undefined {
    const window = this.#windows.get(key)
    if (!window || window.endsAtMs > this.#clock.now()) return window
    this.#windows.delete(key)
    return undefined
  }
}

/** What counts as one address: an IPv4 address, however it's written, or the first half of an IPv6 one. */
function keyOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? 0 : tail.split(':').length
    while (groups.length + behind < 8) groups.push('0')
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
