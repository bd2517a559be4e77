// Addresses that servers listen on, as text: `host:port`, `[v6]:port`, or a port alone.

export interface ListenAddress {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
}

/**
 * Parses the text; a port alone listens on `defaultHost`.
 * @throws Error with a sentence that says what's wrong.
 */
export function parseListenAddress(text: string, defaultHost: string): ListenAddress {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text)
  if (!match) throw new Error(`"${text}" is no address to listen on; it looks like 127.0.0.1:8080, [::1]:8080 or 8080`)
  const port = Number(match[2])
  if (port > 65_535) throw new Error(`"${text}": the port is above 65535`)
  const host = match[1]?.replace(/^\[|\]$/g, '') ?? ''
  return { host: host === '' ? defaultHost : host, port }
}
