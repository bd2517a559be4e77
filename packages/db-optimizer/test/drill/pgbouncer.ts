// A PgBouncer of the drill's own, in transaction mode, as Debian has it: killed and started again on the same port.
//
// It refuses to run as root, so a start by root drops to another user, as that of the temporary PostgreSQL does.
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort, spawnProgram, type SpawnedProgram, type TestScope } from '@plimsoll/testing'

export interface PgBouncer {
  /** The database's address through it. */
  readonly url: string
  /** SIGKILL; resolves when it's gone, and its sessions on the server are on their way out. */
  kill(): Promise<void>
  start(): Promise<void>
  /** SIGSTOP: it takes connections and bytes, and does nothing with them. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
}

/** nobody and nogroup of Debian, without a home and without rights. */
const NOBODY = { uid: 65_534, gid: 65_534 } as const
/** Fewer than the optimizer opens to it: that's what a pooler is for. */
const SERVER_CONNECTIONS = 6

/** Started, until the test ends. `program` is its file. */
export async function startPgBouncer(t: TestScope, program: string, databaseUrl: string): Promise<PgBouncer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'plimsoll-pgbouncer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const user = process.getuid?.() === 0 ? NOBODY : undefined
  const configuration = path.join(folder, 'pgbouncer.ini')
  const users = path.join(folder, 'users.txt')
  const { username, password } = new URL(databaseUrl)
  await writeFile(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`, { mode: 0o600 })
  await writeFile(configuration, configurationOf(databaseUrl, port, users), { mode: 0o600 })
  if (user !== undefined) for (const file of [folder, users, configuration]) await chown(file, user.uid, user.gid)
  let running: SpawnedProgram | undefined
  const start = async (): Promise<void> => {
    running = await spawnProgram(t, [program, configuration], user ?? {})
    await running.line(/process up/)
  }
  await start()
  const url = new URL(databaseUrl)
  url.port = String(port)
  return {
    url: url.href,
    start,
    freeze: () => void (running !== undefined && process.kill(running.pid, 'SIGSTOP')),
    thaw: () => void (running !== undefined && process.kill(running.pid, 'SIGCONT')),
    async kill() {
      const killed = running
      running = undefined
      if (killed === undefined) return
      process.kill(killed.pid, 'SIGKILL')
      await killed.exited
    },
  }
}

function configurationOf(databaseUrl: string, port: number, users: string): string {
  const target = new URL(databaseUrl)
  const name = target.pathname.slice(1)
  return `[databases]
${name} = host=${target.hostname} port=${target.port} dbname=${name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
max_client_conn = 100
default_pool_size = ${SERVER_CONNECTIONS}
`
}
