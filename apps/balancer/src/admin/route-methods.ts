// Which methods a path has, for 405 and its Allow (RFC 9110, 15.5.6): the router itself only says that method and path together have no route.

export class RouteMethods {
  readonly #methods = new Map<string, Set<string>>()

  /** `pattern` is the route's: `/admin/upstreams/:id`. */
  add(pattern: string, methods: string | readonly string[]): void {
    let known = this.#methods.get(pattern)
    if (!known) this.#methods.set(pattern, (known = new Set()))
    for (const method of [methods].flat()) known.add(method)
  }

  /** `GET, HEAD, PATCH` for a path that has routes, or null. */
  allow(path: string): string | null {
    for (const [pattern, methods] of this.#methods)
      if (matches(pattern, path)) return [...methods].toSorted().join(', ')
    return null
  }
}

/** A segment that begins with a colon stands for any text but an empty one. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((segment, i) => segment === given[i] || (segment.startsWith(':') && given[i] !== ''))
  )
}
