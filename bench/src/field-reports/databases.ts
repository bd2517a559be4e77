// Two databases of one server with the same rows: ours with all indexes, and the naive service's copy without those that don't belong to a key or a unique constraint.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { startTemporaryPostgres, type TemporaryPostgres } from '@plimsoll/testing'
import postgres, { type Sql } from 'postgres'
import { startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import { type Account, giveAccounts } from './accounts.ts'

export type DemoSize = 'small' | 'full'

export interface Databases {
  readonly before: string
  readonly after: string
  /** Who can sign in, on both. */
  readonly accounts: readonly Account[]
  /** What's gone from the copy. */
  readonly droppedIndexes: readonly string[]
  /** Of the server. */
  readonly pid: number
  readonly version: string
  stop(): Promise<void>
}

const NAIVE_DATABASE = 'naive'

/**
 * The way to the server, made longer by so many milliseconds in each direction.
 * @param url of any database there
 */
export async function moveAway(
  io: Pick<BenchIo, 'nodePath' | 'signal'>,
  url: string,
  distanceMs: number,
): Promise<{ readonly port: string; stop(): Promise<void> }> {
  const { port } = new URL(url)
  if (distanceMs === 0) return { port, stop: async () => {} }
  const program = path.join(import.meta.dirname, '../database/delay-proxy-program.ts')
  const proxy = await startProgram({
    name: 'the longer way',
    command: [io.nodePath, program, port, String(distanceMs)],
    ipc: true,
    ready: from => ('message' in from ? (from.message as { port: number }).port : undefined),
    signal: io.signal,
  })
  return { port: String(proxy.ready), stop: proxy.stop }
}

export async function makeDatabases(io: BenchIo, size: DemoSize, accountCount: number): Promise<Databases> {
  const server = await startTemporaryPostgres({ signal: io.signal })
  try {
    const after = server.server.url
    await runDatabaseCommand(io, after, ['migrate'])
    await runDatabaseCommand(io, after, ['seed', '--size', size])
    const accounts = await giveAccounts(after, accountCount)
    const before = await copyForNaive(server, after)
    return {
      ...before,
      after,
      accounts,
      pid: server.server.pid,
      version: server.server.version,
      stop: () => server.stop(),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function copyForNaive(
  server: TemporaryPostgres,
  original: string,
): Promise<Pick<Databases, 'before' | 'droppedIndexes'>> {
  const database = new URL(original).pathname.slice(1)
  // As they will be in an hour, and not in the middle of a measurement.
  await connected(urlOf(server.adminUrl, database), sql => sql`vacuum analyze`)
  await connected(server.adminUrl, sql => sql.unsafe(`create database ${NAIVE_DATABASE} template ${database}`))
  const droppedIndexes = await connected(urlOf(server.adminUrl, NAIVE_DATABASE), async sql => {
    await allowAccessTokens(sql)
    return dropIndexes(sql)
  })
  return { before: urlOf(original, NAIVE_DATABASE), droppedIndexes }
}

/** Access tokens of the naive service are rows, which ours never are. */
export async function allowAccessTokens(sql: Sql): Promise<void> {
  await sql`alter table user_tokens drop constraint user_tokens_type_check`
}

/** Unique ones are constraints, whether they're called so or not, but for one: no rule of the data hangs on the uniqueness of random tokens, and a report names its index as missing. */
export async function dropIndexes(sql: Sql): Promise<string[]> {
  const indexes = await sql<{ name: string }[]>`
    select c.relname as name
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = 'public'::regnamespace and (not i.indisunique or c.relname = 'idx_user_tokens_token') and not i.indisexclusion
      and not exists (select from pg_constraint where conindid = i.indexrelid)
    order by c.relname`
  for (const { name } of indexes) await sql`drop index public.${sql(name)}`
  return indexes.map(({ name }) => name)
}

/** Runs a command of the API's database program, showing what it says. */
export async function runDatabaseCommand(
  io: Pick<BenchIo, 'checkout' | 'nodePath' | 'env' | 'signal' | 'temporary' | 'write'>,
  url: string,
  words: readonly string[],
): Promise<void> {
  const file = path.join(io.checkout, 'apps/api/src/database/main.ts')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = execFile(
    io.nodePath,
    [file, ...words],
    { env: { ...ownEnvironment(io), DATABASE_URL: url }, signal: io.signal },
    (error, _output, complaint) => (error ? reject(new Error(complaint.trim() || error.message)) : resolve()),
  )
  if (child.stdout) createInterface({ input: child.stdout }).on('line', line => io.write(`    ${line}\n`))
  await promise
}

/**
 * What our programs see: the environment without what would change their configuration, and the places of this run. The defaults of production are what's measured.
 */
export function ownEnvironment({ env, temporary }: Pick<BenchIo, 'env' | 'temporary'>): Record<string, string> {
  const kept = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'NODE_COMPILE_CACHE'] as const
  const entries = kept.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  return { ...Object.fromEntries(entries), TMPDIR: temporary, CACHE_FOLDER: path.join(temporary, 'cache') }
}

function urlOf(url: string, database: string): string {
  const other = new URL(url)
  other.pathname = `/${database}`
  return other.href
}

async function connected<Result>(url: string, work: (sql: Sql) => Promise<Result>): Promise<Result> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
