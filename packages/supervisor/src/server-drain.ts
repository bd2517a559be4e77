// Ends an HTTP server so that nothing is lost, whatever is in front of it.
//
//   serving ── drain() ──► draining ── no connection for quietMs, or acceptMs over ──► closing ── all answered, or closeMs over ──► closed
//
// * draining: everything is accepted and answered like before, each answer whose headers aren't sent yet asks to use its connection no further. A
//   balancer that reads the list of endpoints has let go by now and closes what's idle: then there's nothing to wait for. One that doesn't has
//   `acceptMs` to notice.
// * closing: nothing is accepted, idle connections are closed, what is under way is answered. A server that did this at once would cut idle connections with a
//   request already on its way to them, and nobody may send a POST again.
//
// That there's no connection at one instant doesn't say that the balancer has let go: by now each answer ends its connection, and the next may be about to come.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { systemClock, type Clock } from './clock.ts'

/** How long each step may take. */
export interface ServerDrainOptions {
  /** Longest time in which still everything is accepted. Default 10,000. */
  readonly acceptMs?: number
  /** So long without a connection, and nobody comes any more. Default 50. */
  readonly quietMs?: number
  /** Longest time for what is under way after that; then connections are cut. Default 15,000; together with `acceptMs` less than the supervisor's `drainTimeoutMs`. */
  readonly closeMs?: number
  /** Time. Default the system's. */
  readonly clock?: Clock
}

export interface ServerDrain {
  /** Whether `drain` was called. */
  readonly isDraining: boolean
  /** Resolves when the server is closed. Every call gets the same promise. */
  drain(): Promise<void>
}

const SWEEP_INTERVAL_MS = 50

/**
 * Watches a server's connections from now on: call it before the server listens, and give `drain` to `link.onDrain`.
 * @param close closes the server and whatever belongs to it, and resolves when all is answered: `() => app.close()` for Fastify
 */
export function createServerDrain(
  server: Server,
  close: () => Promise<unknown>,
  options: ServerDrainOptions = {},
): ServerDrain {
  const { acceptMs = 10_000, quietMs = 50, closeMs = 15_000, clock = systemClock } = options
  const quiet = Promise.withResolvers<void>()
  // The newest of each connection: where requests are pipelined, an answer that ended the connection would take those behind it along.
  const unanswered = new Map<Socket, ServerResponse>()
  let open = 0
  let drained: Promise<void> | null = null
  let cancelQuiet: () => void = () => {}

  const look = () => {
    cancelQuiet()
    if (drained !== null && open === 0) cancelQuiet = clock.after(quietMs, quiet.resolve)
  }
  server.on('connection', (socket: Socket) => {
    open++
    cancelQuiet()
    socket.on('close', () => {
      open--
      look()
    })
  })
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (drained !== null) {
      response.shouldKeepAlive = false
      return
    }
    unanswered.set(socket, response)
    response.on('close', () => {
      if (unanswered.get(socket) === response) unanswered.delete(socket)
    })
  })

  const run = async () => {
    const cancelAccept = clock.after(acceptMs, quiet.resolve)
    await quiet.promise
    cancelAccept()
    cancelQuiet()
    // Node closes connections that are idle when the server is closed, but not those that become idle afterwards.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_INTERVAL_MS)
    const cancelCut = clock.after(closeMs, () => server.closeAllConnections())
    try {
      await close()
    } finally {
      clearInterval(sweep)
      cancelCut()
    }
  }
  return {
    get isDraining() {
      return drained !== null
    },
    drain() {
      if (drained === null) {
        drained = run()
        for (const response of unanswered.values()) {
          if (!response.headersSent) response.shouldKeepAlive = false
        }
        unanswered.clear()
        look()
      }
      return drained
    },
  }
}
