// Who may be meant by Host, and which pages may ask: against DNS rebinding and cross-site requests.
//
// DNS rebinding: a page of evil.example lets its own name point to 127.0.0.1 and asks "itself". The browser sends `Host: evil.example`, and
// sees no other origin. So the name has to be one that nobody else can point here: an IP address, localhost, or one from the configuration.
//
// Cross-site requests: a browser says in Origin which page asks. Only the admin API's own pages may. Behind a proxy with TLS the page's
// scheme is https, so both are taken; a page of the other scheme under the same name and port is no stranger.
import { isIPv4, isIPv6 } from 'node:net'

/** RFC 9110, 7.2: Host = uri-host [ ":" port ]; a name is one of DNS, without the dot behind it. */
const AUTHORITY = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?))(?::\d{1,5})?$/

/** Whether a text can stand in the list of own host names. */
export function isHostName(text: string): boolean {
  return !text.includes(':') && !text.includes('[') && AUTHORITY.test(text.toLowerCase())
}

export class HostGuard {
  readonly #ownNames: ReadonlySet<string>

  /** `names`: host names besides IP addresses and localhost, without port, in any case. */
  constructor(names: readonly string[]) {
    this.#ownNames = new Set(['localhost', ...names.map(name => name.toLowerCase())])
  }

  /** Whether the authority (a Host field, or what stands in an absolute target) is ours, with any port. */
  accepts(authority: string): boolean {
    const { v6, name } = AUTHORITY.exec(authority.toLowerCase())?.groups ?? {}
    if (v6 !== undefined) return isIPv6(v6)
    return name !== undefined && (isIPv4(name) || this.#ownNames.has(name))
  }
}

/** Whether a page of this origin is one of ours, asked under that authority. */
export function isOwnOrigin(origin: string, authority: string): boolean {
  const text = origin.toLowerCase()
  const own = authority.toLowerCase()
  return text === `http://${own}` || text === `https://${own}`
}
