// Creates the cluster, once: initdb into a folder of another name, then one rename.
import { randomBytes } from 'node:crypto'
import { chown, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { diskFull, hasCode, LocalPostgresError, meansDiskFull } from './errors.ts'
import type { ClusterFolder } from './cluster-folder.ts'
import { runProgram } from './run-program.ts'

/** Name of the superuser. */
export const SUPERUSER = 'postgres'

export interface InitdbOptions {
  readonly initdb: string
  /** False leaves out the fsync of the new files (0.3 s): right for a cluster that's run without durability anyway. */
  readonly sync: boolean
  readonly signal: AbortSignal | undefined
}

/**
 * Makes the cluster; gives false when another start was faster, whose cluster is then used.
 * @throws LOCAL_POSTGRES_ERR_INITDB_FAILED, _NO_UNPRIVILEGED_USER, _DISK_FULL
 */
export async function createCluster(folder: ClusterFolder, options: InitdbOptions): Promise<boolean> {
  const { user } = folder
  const temporary = `${folder.data}.new-${process.pid}-${randomBytes(4).toString('hex')}`
  const passwordFile = `${temporary}.password`
  try {
    await mkdir(temporary, { mode: 0o700 })
    await writeFile(passwordFile, `${folder.passwordOf(SUPERUSER)}\n`, { mode: 0o600, flag: 'wx' })
    if (user.dropped) for (const file of [temporary, passwordFile]) await chown(file, user.uid, user.gid)
    const result = await runProgram(
      options.initdb,
      [
        `--pgdata=${temporary}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The builtin provider sorts by code point with Unicode's character classes: the same everywhere, needing no locale of the system, and the fastest.
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-instructions',
        ...(options.sync ? [] : ['--no-sync']),
      ],
      user,
      options.signal,
    )
    if (result.code !== 0) throw failed(folder, result.spawnError?.message ?? result.output, result.spawnError)
    // Fails on a folder that isn't empty, so a cluster that another start has put there meanwhile stays.
    await rename(temporary, folder.data)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false
    if (meansDiskFull(error)) throw diskFull(folder.path, error)
    throw error
  } finally {
    await rm(passwordFile, { force: true })
    await rm(temporary, { recursive: true, force: true })
  }
}

function failed(folder: ClusterFolder, output: string, cause: unknown): LocalPostgresError {
  if (meansDiskFull(output)) return diskFull(folder.path, cause)
  if (output.includes('could not look up effective user ID')) {
    return new LocalPostgresError(
      'LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER',
      `PostgreSQL can't run as ${folder.user.name}, which has no entry in /etc/passwd. Add one, start as another user, or set DATABASE_URL to a PostgreSQL of your own.`,
    )
  }
  return new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_INITDB_FAILED',
    `The database cluster couldn't be created in ${folder.path}: ${output.trim().split('\n').slice(-5).join('\n')}`,
    { cause },
  )
}
