// Ends a server so that nothing is lost, whatever is in front of it.
//
//   serving ── drain() ──► draining ── no connection left, or acceptMs over ──► closing ── all answered, or drainMs over ──► closed
//
// * draining: readiness fails, every answer carries `connection: close`, new requests are answered like before. A balancer that reads its list of
//   endpoints has let go by now and closes its idle connections: then there is nothing to wait for. One that doesn't has `acceptMs` to notice.
// * closing: nothing is accepted, idle connections are closed, what is under way is answered. A server that did this at once would cut idle connections
//   with a request already on its way to them.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainState } from '../resources/health/service.ts'

export interface DrainOptions {
  /** Longest time in which still everything is accepted, in milliseconds. */
  readonly acceptMs: number
  /** Longest time for what is under way after that, in milliseconds; then connections are cut. */
  readonly closeMs: number
}

const SWEEP_INTERVAL_MS = 50

/** Whether the worker is ending. Readiness and the draining plugin read it; only `drainServer` sets it. */
export class Draining implements DrainState {
  #draining = false

  get draining(): boolean {
    return this.#draining
  }

  begin(): void {
    this.#draining = true
  }
}

/** Counts a server's connections, so that the end of the last one can be awaited. */
export class ConnectionCount {
  #open = 0
  #whenNone: (() => void)[] = []

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#open += 1
      socket.on('close', () => {
        this.#open -= 1
        if (this.#open > 0) return
        for (const resolve of this.#whenNone.splice(0)) resolve()
      })
    })
  }

  /** Resolves when no connection is open. */
  none(): Promise<void> {
    if (this.#open === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenNone.push(resolve)
    return promise
  }
}

/** What `drainServer` ends. */
export interface Drainable {
  readonly server: Server
  close(): Promise<unknown>
}

export async function drainServer(
  app: Drainable,
  draining: Draining,
  connections: ConnectionCount,
  options: DrainOptions,
): Promise<void> {
  draining.begin()
  const accepting = new AbortController()
  await Promise.race([
    connections.none(),
    sleep(options.acceptMs, undefined, { signal: accepting.signal }).catch(() => {}),
  ])
  accepting.abort()
  // Node closes connections that are idle when the server is closed, but not those that become idle afterwards.
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_INTERVAL_MS)
  const cut = setTimeout(() => app.server.closeAllConnections(), options.closeMs)
  try {
    await app.close()
  } finally {
    clearInterval(sweep)
    clearTimeout(cut)
  }
}
