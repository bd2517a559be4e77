// Folders of migrations and runs of them, for the tests of this folder.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type postgres from 'postgres'
import type { TestScope } from '@plimsoll/testing'
import {
  migrate,
  type MigrationOptions,
  type MigrationProgress,
  type MigrationTools,
} from '../../src/migrations/index.ts'
import { nodeTimers } from '../../src/retry/pause.ts'

/** What an error has to look like. */
export interface Expected {
  readonly code: string
  readonly message?: RegExp | string
  readonly file?: string
  readonly statement?: number
  readonly line?: number
}

export type Files = Readonly<Record<string, string | Buffer>>

/** A folder with these files, removed with the test. */
export function folderOf(t: TestScope, files: Files): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-migrations-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  put(folder, files)
  return folder
}

/** Writes files into a folder; a name that ends in a slash is a folder. */
export function put(folder: string, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    if (name.endsWith('/')) mkdirSync(path.join(folder, name))
    else writeFileSync(path.join(folder, name), text)
  }
}

/** Timers whose pauses take no longer than `longestMs`, so that tests of retries don't wait. */
export function shortPauses(longestMs = 5): MigrationTools {
  return {
    timers: {
      ...nodeTimers,
      setTimeout: (callback, delayMs) => nodeTimers.setTimeout(callback, Math.min(delayMs, longestMs)),
    },
    random: { next: () => 0.5 },
  }
}

/** Runs `migrate` and gives the names of what it applied. */
export async function apply(
  url: string,
  folder: string,
  options: Partial<MigrationOptions> = {},
  tools: MigrationTools = {},
): Promise<readonly string[]> {
  const { applied } = await migrate({ url, folder, lockPollMs: 10, ...options }, tools)
  return applied.map(({ name }) => name)
}

/** A listener that keeps what it's told. */
export function recorder(): {
  readonly onProgress: (progress: MigrationProgress) => void
  readonly seen: readonly MigrationProgress[]
  readonly kinds: () => readonly string[]
} {
  const seen: MigrationProgress[] = []
  return { onProgress: progress => void seen.push(progress), seen, kinds: () => seen.map(({ kind }) => kind) }
}

/** Tables in the schema public, but the ledger. */
export async function tables(sql: postgres.Sql): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations' order by 1`
  return rows.map(({ name }) => name)
}

/** The ledger's rows. */
export async function records(sql: postgres.Sql): Promise<readonly (readonly [number, string])[]> {
  const rows = await sql<{ version: number; state: string }[]>`select version, state from schema_migrations order by 1`
  return rows.map(({ version, state }) => [version, state] as const)
}

/** Empties the schema public. */
export async function emptySchema(sql: postgres.Sql): Promise<void> {
  await sql`drop schema public cascade`
  await sql`create schema public`
}
