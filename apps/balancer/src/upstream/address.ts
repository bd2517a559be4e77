// Where an endpoint listens: a TCP address or the path of a Unix socket, written as a URL.
//
//   http://host:port        http://[::1]:3001        unix:/run/app/0-1.sock

/** A parsed endpoint URL. `authority` is what the Host field of a health check says. */
export type UpstreamAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly authority: string }
  | { readonly kind: 'unix'; readonly path: string; readonly authority: 'localhost' }

/** The kernel's limit is 107 bytes and a longer path is cut without an error, so it's refused here with some room. */
const MAX_SOCKET_PATH_BYTES = 100

/**
 * Parses `http://host[:port]` or `unix:/path`.
 * @throws Error with a sentence that says what's wrong with the text.
 */
export function parseUpstreamAddress(text: string): UpstreamAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    if (!path.startsWith('/'))
      throw new Error(`"${text}": a Unix socket needs an absolute path, as in unix:/run/app.sock`)
    const bytes = Buffer.byteLength(path)
    if (bytes > MAX_SOCKET_PATH_BYTES) {
      throw new Error(
        `"${text}": the socket's path has ${bytes} bytes, the limit is ${MAX_SOCKET_PATH_BYTES}; use a shorter folder`,
      )
    }
    return { kind: 'unix', path, authority: 'localhost' }
  }
  const url = URL.parse(text)
  if (!url || url.protocol !== 'http:') throw new Error(`"${text}": an upstream is http://host:port or unix:/path`)
  if (url.pathname !== '/' || url.search || url.hash || url.username) {
    throw new Error(`"${text}": an upstream has a host and a port, but no path, query or user`)
  }
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return { kind: 'tcp', host, port: url.port === '' ? 80 : Number(url.port), authority: url.host }
}

/** Options for `net.connect`. */
export function connectOptions(address: UpstreamAddress): { path: string } | { host: string; port: number } {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
}
