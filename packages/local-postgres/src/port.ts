// Finding a TCP port on 127.0.0.1.
//
// A free port is only ever a hint: between the look and the server's bind anybody can take it. Whoever uses it tries again when the bind fails. Ports from
// 32768 on are never searched: there the system picks the local ports of outgoing connections, so a look proves nothing.
import { createServer } from 'node:net'
import { once } from 'node:events'
import { LocalPostgresError } from './errors.ts'

/** The highest port below the range that Linux lends to outgoing connections. */
export const LAST_SEARCHED_PORT = 32_767

/** True when a server could listen on this port of 127.0.0.1 at this moment. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/** Ports that are looked at before the search gives up: something is wrong with a machine on which so many in a row are taken. */
const SEARCHED_PORTS = 500

/**
 * The first free port from `from` on.
 * @throws LOCAL_POSTGRES_ERR_PORT_IN_USE when 500 ports in a row, or all up to 32767, are taken.
 */
export async function findFreePort(from: number): Promise<number> {
  const last = Math.min(from + SEARCHED_PORTS - 1, LAST_SEARCHED_PORT)
  for (let port = from; port <= last; port++) if (await isPortFree(port)) return port
  throw new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_PORT_IN_USE',
    `No port from ${from} to ${last} of 127.0.0.1 is free for PostgreSQL. Name a free one, or set DATABASE_URL to a PostgreSQL of your own.`,
  )
}

/** The error for a given port that another program holds. */
export function portInUse(port: number): LocalPostgresError {
  return new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_PORT_IN_USE',
    `Port ${port} of 127.0.0.1 is in use by another program, so PostgreSQL can't listen there. Stop that program or choose another port; without one, a free port is searched.`,
  )
}
