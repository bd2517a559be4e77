// Debian's PgBouncer in front of a database, for tests of what a pooler does to its clients.
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { freePort } from './free-port.ts'
import { spawnProgram, type SpawnedProgram } from './spawn-program.ts'
import type { TestScope } from './test-scope.ts'

export interface PgBouncerOptions {
  /** Default transaction. */
  readonly poolMode?: 'session' | 'transaction' | 'statement'
  /** Connections to the server. Default 3. */
  readonly poolSize?: number
}

export interface PgBouncer {
  /** The database through it; nobody is asked for a password. */
  readonly url: string
  readonly program: SpawnedProgram
}

/** Debian's user without rights; PgBouncer won't run as root. */
const NOBODY = 65_534

/** Starts it; it may not answer yet. `program` is its file, of `requireProgram(t, 'pgbouncer')`. It's stopped in teardown. */
export async function startPgBouncer(
  t: TestScope,
  program: string,
  databaseUrl: string,
  { poolMode = 'transaction', poolSize = 3 }: PgBouncerOptions = {},
): Promise<PgBouncer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-pgbouncer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { hostname, port, pathname, username, password } = new URL(databaseUrl)
  const ownPort = await freePort()
  const settings = path.join(folder, 'pgbouncer.ini')
  writeFileSync(
    settings,
    `[databases]
pooled = host=${hostname} port=${port} dbname=${pathname.slice(1)} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = ${poolMode}
default_pool_size = ${poolSize}
server_reset_query = DISCARD ALL
`,
  )
  const isRoot = userInfo().uid === 0
  if (isRoot) for (const one of [folder, settings]) chownSync(one, NOBODY, NOBODY)
  return {
    url: `postgres://${username}@127.0.0.1:${ownPort}/pooled`,
    program: await spawnProgram(t, [program, settings], isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  }
}
