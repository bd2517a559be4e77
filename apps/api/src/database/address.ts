// Where the database is: one address, or a pooler's and behind it the server's own.
import type { RouteOptions } from '@plimsoll/db-optimizer'

export interface DatabaseAddress {
  /** `postgres://user:password@host:port/database`. With a `directUrl` there's a pooler in transaction mode at this address. */
  readonly url: string
  /** The same database without the pooler: used when the pooler can't be reached. */
  readonly directUrl?: string | undefined
}

/** The ways to a database, the preferred one first. Their names are labels of metrics and stand on health pages. */
export function routesTo({ url, directUrl }: DatabaseAddress): readonly [RouteOptions, ...RouteOptions[]] {
  if (directUrl === undefined) return [{ name: 'main', url }]
  return [
    { name: 'pooled', url, pooler: true },
    { name: 'direct', url: directUrl },
  ]
}
