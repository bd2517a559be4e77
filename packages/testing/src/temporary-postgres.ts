// A PostgreSQL for tests: in a temporary folder, without durability, removed with all it holds.
//
// A run that's killed leaves a server and a folder behind, so each start looks for such remains of dead processes and removes them. The folder's name carries
// the id of the process that made it.
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  LocalPostgresError,
  startLocalPostgres,
  stopOrphanedPostgres,
  type LocalPostgres,
} from '@plimsoll/local-postgres'
import { isAlive } from './is-alive.ts'

export interface TemporaryPostgres {
  /** Address as superuser. */
  readonly adminUrl: string
  /** The server itself. */
  readonly server: LocalPostgres
  /** Stops the server at once and removes its folder. */
  stop(): Promise<void>
}

export interface TemporaryPostgresOptions {
  /** Default 200: test files run at the same time, each with several pools. */
  readonly maxConnections?: number
  /** Where folders are made. Default: the system's folder for temporary files. */
  readonly parentFolder?: string
  readonly onProgress?: (step: string) => void
  readonly signal?: AbortSignal
}

const PREFIX = 'plimsoll-postgres-'

/** @throws LocalPostgresError */
export async function startTemporaryPostgres(options: TemporaryPostgresOptions = {}): Promise<TemporaryPostgres> {
  const parent = options.parentFolder ?? tmpdir()
  await removeRemains(parent)
  const folder = path.join(parent, `${PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`)
  await mkdir(folder, { mode: 0o711 })
  try {
    const server = await startLocalPostgres({
      folder,
      durability: 'off',
      maxConnections: options.maxConnections ?? 200,
      // Test files that run alone at the same time each search their own port; from a random start they don't meet at each step.
      firstPort: 16_000 + Math.floor(Math.random() * 15_000),
      // Shared by all runs of this user, since a copy takes 60 MB; nothing is copied where the programs can be run in place.
      binariesFolder: path.join(parent, `plimsoll-programs-${process.getuid?.() ?? 0}`),
      stopOnExit: true,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    return {
      adminUrl: server.adminUrl,
      server,
      stop: async () => {
        await server.stop('immediate')
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Stops the servers of dead processes and removes their folders; leaves alone what belongs to others or is in use. */
async function removeRemains(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-[0-9a-f]+$`).exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    const folder = path.join(parent, name)
    try {
      const status = await lstat(folder)
      if (!status.isDirectory() || status.uid !== process.getuid?.()) continue
      await stopOrphanedPostgres({ folder })
      await rm(folder, { recursive: true, force: true })
    } catch (error) {
      // In use after all, or removed by another run at the same moment.
      if (!(error instanceof LocalPostgresError) && !(error instanceof Error && 'code' in error)) throw error
    }
  }
}
