// Servers and clients that a test scripts byte by byte, for what a decent peer never does: half messages, resets in the middle, silence.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { TestingError } from './errors.ts'
import { RawPeer } from './raw-peer.ts'
import type { TestScope } from './test-scope.ts'

/** Where to listen or connect: a TCP port (127.0.0.1 unless `host` says other), or a Unix socket's path. */
export type RawAddress = { readonly port: number; readonly host?: string } | { readonly path: string }

export interface RawServer {
  /** TCP port; 0 for a Unix socket. */
  readonly port: number
  /** To pass to `rawClient`. */
  readonly address: RawAddress
  /** `http://127.0.0.1:<port>` or `unix:<path>`. */
  readonly url: string
  /** Every connection so far, in the order of arrival. */
  readonly peers: readonly RawPeer[]
  /** The connection with this index, from 0, as soon as it's there. @throws TESTING_ERR_TIMEOUT after `timeoutMs`, default 2000 */
  peer(index: number, options?: { readonly timeoutMs?: number }): Promise<RawPeer>
  /** Stops listening and closes all connections; teardown does it as well. */
  close(): Promise<void>
}

/** The script of one connection. When it throws or rejects, the test fails. */
export type ConnectionScript = (peer: RawPeer, index: number) => void | Promise<void>

/** Starts a server whose connections follow a script. Default address: 127.0.0.1 on a port that the system picks. */
export async function rawServer(
  t: TestScope,
  script: ConnectionScript = () => {},
  address: RawAddress = { port: 0 },
): Promise<RawServer> {
  const peers: RawPeer[] = []
  const arrivals = new Set<() => void>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    const peer = new RawPeer(socket)
    const index = peers.push(peer) - 1
    for (const arrived of arrivals) arrived()
    void (async () => {
      try {
        await script(peer, index)
      } catch (error) {
        // The end of the test closes what its scripts wait for.
        if (!peer.released)
          t.fail(`the script of connection ${index} failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    })()
  })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= new Promise(resolve => {
      server.close(() => resolve())
      for (const peer of peers) peer.release()
    })
    return closing
  }
  t.teardown(close)
  server.listen('path' in address ? { path: address.path } : { host: '127.0.0.1', ...address })
  await once(server, 'listening')
  const port = 'path' in address ? 0 : (server.address() as AddressInfo).port
  const host = 'path' in address ? '' : (address.host ?? '127.0.0.1')
  return {
    port,
    address: 'path' in address ? address : { host, port },
    url: 'path' in address ? `unix:${address.path}` : `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    peers,
    peer: (index, options) => arrival(peers, arrivals, index, options?.timeoutMs ?? 2000),
    close,
  }
}

async function arrival(
  peers: readonly RawPeer[],
  arrivals: Set<() => void>,
  index: number,
  timeoutMs: number,
): Promise<RawPeer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawPeer>()
  const look = (): void => {
    const peer = peers[index]
    if (peer !== undefined) resolve(peer)
  }
  const timer = setTimeout(() => {
    reject(
      new TestingError('TESTING_ERR_TIMEOUT', `Waited ${timeoutMs} ms for connection ${index}; ${peers.length} came.`),
    )
  }, timeoutMs)
  arrivals.add(look)
  try {
    look()
    return await promise
  } finally {
    clearTimeout(timer)
    arrivals.delete(look)
  }
}

/** Connects; closed in teardown. @throws the system's error when nobody listens */
export async function rawClient(t: TestScope, address: RawAddress | number): Promise<RawPeer> {
  const target = typeof address === 'number' ? { port: address } : address
  const socket = connect({ ...('path' in target ? target : { host: '127.0.0.1', ...target }), allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const peer = new RawPeer(socket)
  t.teardown(() => peer.release())
  return peer
}
