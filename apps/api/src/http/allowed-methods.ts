// Which methods an address has: for the `allow` field of answers to others (RFC 9110, section 15.5.6).
//
// The router can't be asked for that: it has a tree of its own for each method. Here each pattern is one regular expression, tried one after the other, which is quick
// enough for requests that are wrong anyway. Where the two disagree (an address with an encoding that's broken, a parameter of many characters) somebody is told
// 405 instead of 404 or the other way round, and nothing is served.
export class AllowedMethods {
  readonly #byPattern = new Map<string, { readonly matches: RegExp; readonly methods: Set<string> }>()

  /** @param pattern as routes write it: `/api/courses/:id`; one that isn't a path is the method's wherever it's asked for, and says nothing of an address */
  add(method: string, pattern: string): void {
    if (!pattern.startsWith('/')) return
    let entry = this.#byPattern.get(pattern)
    if (!entry) {
      entry = { matches: toRegExp(pattern), methods: new Set() }
      this.#byPattern.set(pattern, entry)
    }
    entry.methods.add(method)
  }

  /**
   * Methods of an address, sorted; none when no route has it.
   * @param target what the request line said, its query included
   */
  of(target: string): string[] {
    // In its absolute form it names the server first (RFC 9112, 3.2.2).
    const path = decoded(target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, ''))
    if (path === undefined) return []
    const found = new Set<string>()
    for (const { matches, methods } of this.#byPattern.values())
      if (matches.test(path)) for (const method of methods) found.add(method)
    return [...found].toSorted()
  }
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .split('/')
    .map(segment =>
      segment.startsWith(':')
        ? '[^/]*'
        : segment
            .split('*')
            .map(part => RegExp.escape(part))
            .join('.*'),
    )
    .join('/')
  return new RegExp(`^${source}$`, 's')
}

/** As the router reads paths: what's reserved stays encoded. */
function decoded(path: string): string | undefined {
  try {
    return decodeURI(path)
  } catch {
    return undefined
  }
}
