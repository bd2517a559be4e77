// A refusal that is told before the body has come whole, such as 413: closing the connection at once would reset it, and the reset would take the refusal along before
// the client has read it (RFC 9112, section 9.6). So the rest is read and dropped, for a while, and the connection goes on; whoever sends for longer is cut.
import type { FastifyReply, FastifyRequest } from 'fastify'

/** For the rest of a body that nobody wants, in ms. */
const LINGER_MS = 2000

/** Call it before the refusal is sent. */
export function readToTheEnd({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  // Who waits for 100-continue has sent nothing yet, and won't: what comes next can't be told from a body.
  const { complete } = raw as { readonly complete: boolean | undefined }
  // Requests that are injected have no such flag, and always come whole.
  if (complete !== false || headers.expect !== undefined) return
  void reply.removeHeader('connection')
  raw.resume()
  const timer = setTimeout(() => raw.socket.destroy(), LINGER_MS).unref()
  raw.once('close', () => clearTimeout(timer))
}
