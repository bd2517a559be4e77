// The server that's read from, and the ways to it: TCP, Unix socket, and TCP with a longer way.
import path from 'node:path'
import { startTemporaryPostgres, type TemporaryPostgres } from '@plimsoll/testing'
import postgres from 'postgres'
import { processTree } from '../cpu-time.ts'
import { moveToCore, onCore } from '../pinning.ts'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import { TABLE_STATEMENTS } from './items.ts'

const ROUND_TRIPS = 200
const ROUND_TRIPS_UNMEASURED = 50

export class DatabaseServer {
  readonly version: string
  readonly tcpUrl: string
  /** For client programs with `clientEnv`; null where the folder's path is too long for a Unix socket. */
  readonly socketUrl: string | null
  /** What an address without a host stands for: neither driver has a form of address for a Unix socket. */
  readonly clientEnv: Readonly<Record<string, string>>
  readonly #postgres: TemporaryPostgres
  readonly #core: number | null

  private constructor(server: TemporaryPostgres, core: number | null) {
    this.#postgres = server
    this.#core = core
    this.version = server.server.version
    this.tcpUrl = server.adminUrl
    const { socketPath } = server.server
    const { username, password, port, pathname } = new URL(server.adminUrl)
    this.socketUrl = socketPath === undefined ? null : `postgres://${pathname}`
    this.clientEnv = {
      PGUSER: username,
      PGPASSWORD: decodeURIComponent(password),
      PGPORT: port,
      ...(socketPath === undefined ? {} : { PGHOST: path.dirname(socketPath) }),
    }
  }

  /** With the table. */
  static async start(io: BenchIo, core: number | null): Promise<DatabaseServer> {
    const server = await startTemporaryPostgres({ signal: io.signal })
    try {
      for (const { pid } of processTree(server.server.pid)) moveToCore(core, pid)
      const sql = postgres(server.adminUrl, { max: 1, onnotice: () => {} })
      for (const statement of TABLE_STATEMENTS) await sql.unsafe(statement)
      await sql.end()
      return new DatabaseServer(server, core)
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  /** The same server, further away by so many milliseconds each way. */
  async further(io: BenchIo, delayMs: number): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
    const program = path.join(import.meta.dirname, 'delay-proxy-program.ts')
    const proxy: Program<number> = await startProgram({
      name: 'the delay proxy',
      command: onCore(this.#core, [io.nodePath, program, String(this.#postgres.server.port), String(delayMs)]),
      ipc: true,
      ready: from => ('message' in from ? (from.message as { port: number }).port : undefined),
      signal: io.signal,
    })
    const url = new URL(this.tcpUrl)
    url.port = String(proxy.ready)
    return { url: url.href, stop: proxy.stop }
  }

  stop(): Promise<void> {
    return this.#postgres.stop()
  }
}

/** The median time of a statement that does nothing, one at a time, in milliseconds. */
export async function roundTripMs(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const timesMs: number[] = []
    for (let i = 0; i < ROUND_TRIPS_UNMEASURED + ROUND_TRIPS; i++) {
      const startedAtMs = performance.now()
      await sql`select 1`
      if (i >= ROUND_TRIPS_UNMEASURED) timesMs.push(performance.now() - startedAtMs)
    }
    return timesMs.toSorted((a, b) => a - b)[ROUND_TRIPS / 2] ?? 0
  } finally {
    await sql.end()
  }
}
