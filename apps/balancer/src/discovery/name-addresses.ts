// The addresses of one name: A and AAAA, each with its own last good answer.
//
// Invariants
// * A question that fails takes no address away. That a family has none is believed only while the other one has some: a name without any
//   address is what a broken or half-loaded zone looks like.
// * Only addresses that a server can have are taken: an answer of 0.0.0.0 means "blocked", and would lead to this machine.
// * The order of answers doesn't matter: addresses come sorted.
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { codeOf, describeFailure, type NameResolver } from './name-resolver.ts'

/** Which addresses are asked for. */
export type AddressFamilies = 'both' | 'ipv4' | 'ipv6'

export interface LookedUp {
  /** What's known now, sorted: IPv4 first. */
  readonly addresses: readonly string[]
  /** Least time to live among the answers; Infinity when none has one. */
  readonly ttlMs: number
  /** What went wrong, though there may be addresses; null when nothing did. */
  readonly fault: string | null
}

type Question =
  | { readonly kind: 'answered'; readonly addresses: readonly string[]; readonly ttlMs: number }
  | { readonly kind: 'none'; readonly fault: string }
  | { readonly kind: 'failed'; readonly fault: string }

const NOT_ASKED: Question = { kind: 'none', fault: '' }

export class NameAddresses {
  readonly #name: string
  readonly #families: AddressFamilies
  #last4: readonly string[] = []
  #last6: readonly string[] = []

  constructor(name: string, families: AddressFamilies) {
    this.#name = name
    this.#families = families
  }

  /** Asks and remembers. Never rejects. */
  async lookUp(resolver: NameResolver): Promise<LookedUp> {
    const [four, six] = await Promise.all([
      this.#families === 'ipv6' ? NOT_ASKED : ask('A', isUsable4, resolver.resolve4(this.#name, { ttl: true })),
      this.#families === 'ipv4' ? NOT_ASKED : ask('AAAA', isUsable6, resolver.resolve6(this.#name, { ttl: true })),
    ])
    const faults = [four, six].flatMap(seen => (seen.kind === 'failed' ? [seen.fault] : []))
    let ttlMs = Infinity
    if (four.kind === 'answered' || six.kind === 'answered') {
      if (four.kind !== 'failed') this.#last4 = four.kind === 'answered' ? four.addresses : []
      if (six.kind !== 'failed') this.#last6 = six.kind === 'answered' ? six.addresses : []
      for (const seen of [four, six]) if (seen.kind === 'answered') ttlMs = Math.min(ttlMs, seen.ttlMs)
    } else {
      faults.push(...[four, six].flatMap(seen => (seen.kind === 'none' && seen !== NOT_ASKED ? [seen.fault] : [])))
    }
    return {
      addresses: [...this.#last4, ...this.#last6],
      ttlMs,
      fault: faults.length === 0 ? null : `${this.#name}: ${faults.join('; ')}`,
    }
  }
}

async function ask(
  type: string,
  isUsable: (address: string) => boolean,
  asked: Promise<readonly { address: string; ttl: number }[]>,
): Promise<Question> {
  try {
    const answers = await asked
    const usable = answers.filter(({ address }) => isUsable(address))
    if (usable.length === 0) {
      const fault = answers.length === 0 ? 'an empty answer' : `no usable address in the answer`
      return { kind: 'none', fault: `${type}: ${fault}` }
    }
    const ttlMs = Math.min(...usable.map(({ ttl }) => ttl * 1000))
    return { kind: 'answered', addresses: [...new Set(usable.map(({ address }) => address))].toSorted(), ttlMs }
  } catch (error) {
    const code = codeOf(error)
    // Some servers deny the whole name when it lacks one type (RFC 4074, 4.2).
    const kind = code === 'ENODATA' || code === 'ENOTFOUND' ? 'none' : 'failed'
    return { kind, fault: `${type}: ${describeFailure(error)}` }
  }
}

/** Addresses that no single server has (RFC 6890, RFC 5771, RFC 4291, 2.7), or that mean nothing without an interface (RFC 4007, 6). */
const UNUSABLE = new BlockList()
UNUSABLE.addSubnet('0.0.0.0', 8, 'ipv4')
UNUSABLE.addSubnet('224.0.0.0', 3, 'ipv4')
UNUSABLE.addAddress('::', 'ipv6')
UNUSABLE.addSubnet('ff00::', 8, 'ipv6')
UNUSABLE.addSubnet('fe80::', 10, 'ipv6')

function isUsable4(address: string): boolean {
  return isIPv4(address) && !UNUSABLE.check(address, 'ipv4')
}

function isUsable6(address: string): boolean {
  return isIPv6(address) && !UNUSABLE.check(address, 'ipv6')
}
