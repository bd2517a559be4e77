// A socket for postgres.js that sends at once.
//
// The driver leaves Nagle's algorithm on. COPY ends with two small writes and no answer between them, so the second waits until the server acknowledges the first,
// which it does after 40 ms: with 26 tables to load, small as they may be, that's one to two seconds.
import { Socket } from 'node:net'

/** As postgres.js hands its options to a function that opens its socket: lists, since an address may name several hosts. */
export interface SocketAddress {
  readonly host: readonly string[]
  readonly port: readonly number[]
  /** Of a Unix socket. */
  readonly path: string | false | undefined
}

/**
 * The driver's option `socket`, which its types don't know: opens the hosts of an address in turn, one per attempt. The socket is still connecting then: what's
 * written is sent when it is, and what goes wrong is told by its 'error'.
 */
export function promptSocket(): { readonly socket: (address: SocketAddress) => Socket } {
  let attempts = 0
  const open = ({ host, port, path }: SocketAddress): Socket => {
    const index = attempts % host.length
    attempts += 1
    const socket = new Socket()
    socket.setNoDelay(true)
    if (typeof path === 'string' && path !== '') return socket.connect(path)
    const name = host[index] ?? 'localhost'
    // For TLS: the driver takes the server's name from here.
    Object.assign(socket, { host: name })
    return socket.connect(port[index] ?? 5432, name)
  }
  return { socket: open }
}
