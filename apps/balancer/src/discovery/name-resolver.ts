// What discovery asks of the domain name system, and how its failures read.
//
// Node's own resolver (c-ares) does it: it repeats lost queries, goes on over TCP when an answer was cut, and refuses malformed ones. It
// asks for full names only: search lists of resolv.conf aren't used, and /etc/hosts isn't read.
import { Resolver } from 'node:dns/promises'

/** One look-up's worth of questions. Failures carry c-ares's code: ESERVFAIL, ENOTFOUND, ENODATA, ETIMEOUT ... */
export interface NameResolver {
  resolve4(name: string, options: { ttl: true }): Promise<readonly { address: string; ttl: number }[]>
  resolve6(name: string, options: { ttl: true }): Promise<readonly { address: string; ttl: number }[]>
  resolveSrv(name: string): Promise<readonly { name: string; port: number; priority: number; weight: number }[]>
  /** Makes all questions under way fail at once, with ECANCELLED. */
  cancel(): void
}

/** Made anew for each look-up, so that a change of the system's name servers is followed, and a cancelled one disturbs no other. */
export type CreateResolver = () => NameResolver

/** Queries per name server within the time of a look-up: one that's lost must not cost all of it. */
const TRIES = 3
const LEAST_TRY_MS = 50

/** @throws Error with a sentence when a server isn't written as an address with a port or without. */
export function systemResolver(servers: readonly string[], timeoutMs: number): CreateResolver {
  // Each try waits twice as long as the one before: 1 + 2 + 4 parts.
  const timeout = Math.max(LEAST_TRY_MS, Math.floor(timeoutMs / (2 ** TRIES - 1)))
  checkServers(servers)
  return () => {
    const resolver = new Resolver({ timeout, tries: TRIES })
    if (servers.length > 0) resolver.setServers(servers)
    return resolver
  }
}

/** @throws Error with a sentence. */
export function checkServers(servers: readonly string[]): void {
  for (const server of servers) {
    try {
      new Resolver().setServers([server])
    } catch {
      throw new Error(
        `"${server}": a name server is an address, with a port or without, as in 10.0.0.2 or [fd00::2]:5353`,
      )
    }
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name does not exist',
  ENODATA: 'there are no such records',
  ESERVFAIL: 'the name server failed',
  EREFUSED: 'the name server refused to answer',
  EFORMERR: 'the name server did not understand the question',
  EBADRESP: 'the answer is malformed',
  ETIMEOUT: 'no name server answered',
  ECONNREFUSED: 'no name server could be reached',
}

/** c-ares's code of a failed question, or UNKNOWN. One that was cancelled has taken too long, like one that c-ares itself gave up. */
export function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown }
  if (code === 'ECANCELLED') return 'ETIMEOUT'
  return typeof code === 'string' ? code : 'UNKNOWN'
}

/** `the name server failed (ESERVFAIL)` */
export function describeFailure(error: unknown): string {
  const code = codeOf(error)
  return `${WORDS[code] ?? 'the question failed'} (${code})`
}
