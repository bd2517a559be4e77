// The folder of one cluster: its layout, and how it's made fit for a server that may run as another user than we do.
//
//     <folder>/                     ours; the server's user has to be able to pass it, not to list or write it
//     <folder>/secret               0600, ours: a random secret from which the passwords of all roles are derived
//     <folder>/data/                0700, the server's: the cluster as initdb made it; the path is final only when it's complete
//     <folder>/data.new-<pid>-<x>/  a cluster being made; moved to data/ in one step, so that a killed start leaves no half of one
//     <folder>/socket/              0755, the server's: the Unix socket
//     <folder>/postgresql-<version> a copy of the programs, only where it's needed
//
// There's no lock file. PostgreSQL holds its own interlock on data/, which is the only one that protects the data, and all that we do before the server runs is
// either idempotent or made under another name and then moved or linked into place, where the first one wins.
import { createHmac, randomBytes } from 'node:crypto'
import {
  access,
  chmod,
  chown,
  constants,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { diskFull, hasCode, LocalPostgresError, meansDiskFull } from './errors.ts'
import { answersToSignals } from './process-table.ts'
import { makeFolder } from './make-folder.ts'
import { chooseServerUser, currentUserSource, findObstacle, type ServerUser, type UserSource } from './server-user.ts'

export interface ClusterFolder {
  /** Absolute, links resolved. */
  readonly path: string
  readonly data: string
  /** Undefined when the path would be too long for a Unix socket. */
  readonly socket: string | undefined
  readonly user: ServerUser
  /** Major version of the cluster in `data`; undefined before initdb. */
  readonly majorVersion: string | undefined
  /** Password of a role, the same at every start: derived from the folder's secret. */
  passwordOf(role: string): string
}

/** sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, NUL included; longer paths are cut or refused. */
const MAX_SOCKET_PATH_BYTES = 100

/** Where the cluster lies in a folder of ours. */
export function dataFolderOf(folder: string): string {
  return path.join(folder, 'data')
}

/**
 * Makes the folder if need be, chooses the server's user, and checks that both of us can work there.
 * @throws LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE, _UNREACHABLE_FOLDER, _NO_UNPRIVILEGED_USER, _DISK_FULL
 */
export async function openClusterFolder(folder: string, source: UserSource): Promise<ClusterFolder> {
  try {
    return await open(folder, source)
  } catch (error) {
    if (error instanceof LocalPostgresError) throw error
    if (meansDiskFull(error)) throw diskFull(folder, error)
    throw unusable(folder, error instanceof Error ? error.message : String(error), error)
  }
}

async function open(folder: string, source: UserSource): Promise<ClusterFolder> {
  const user = await chooseServerUser(dataFolderOf(folder), source)
  const made = await makeFolder(folder, user)
  const real = await realpath(folder)
  await access(real, constants.R_OK | constants.W_OK | constants.X_OK)
  const data = dataFolderOf(real)
  await letPass(real, made, user)
  const majorVersion = await readMajorVersion(data)
  const secret = await readOrMakeSecret(path.join(real, 'secret'), majorVersion !== undefined)
  await removeAbandonedClusters(real)
  return {
    path: real,
    data,
    socket: await makeSocketFolder(path.join(real, 'socket'), user),
    user,
    majorVersion,
    passwordOf: role => createHmac('sha256', secret).update(role).digest('base64url'),
  }
}

/** Opens the way for the server's user: only a folder that holds a cluster or nothing at all, and never those of others above. */
async function letPass(folder: string, made: boolean, user: ServerUser): Promise<void> {
  if (!user.dropped) return
  if (!made && (await isOurs(folder))) await chmod(folder, ((await stat(folder)).mode & 0o7777) | 0o011)
  const obstacle = await findObstacle(folder, user)
  if (obstacle === undefined) return
  throw new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_UNREACHABLE_FOLDER',
    `PostgreSQL has to run as ${user.name}, not as root, and that user can't reach ${folder}: ${obstacle.folder} is closed to others (mode ${obstacle.mode}). Name a folder elsewhere (PLIMSOLL_DATA=/var/lib/plimsoll), or open that one (chmod o+x).`,
  )
}

/**
 * True when the server's user could reach a cluster in this folder, which needn't exist yet: for a program that has several places to choose from. A start
 * there may still fail for other reasons.
 */
export async function canServerReach(folder: string): Promise<boolean> {
  const absolute = path.resolve(folder)
  const user = await chooseServerUser(dataFolderOf(absolute), currentUserSource())
  const obstacle = await findObstacle(absolute, user)
  return obstacle === undefined || (obstacle.folder === absolute && (await isOurs(absolute)))
}

async function isOurs(folder: string): Promise<boolean> {
  const names = await readdir(folder)
  return names.length === 0 || names.includes('secret')
}

async function readMajorVersion(data: string): Promise<string | undefined> {
  try {
    return (await readFile(path.join(data, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  const names = await readdir(data).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (names === undefined) return undefined
  throw unusable(data, 'it exists but holds no PostgreSQL cluster (no PG_VERSION)')
}

/** The secret is linked into place complete, so that two first starts at the same time agree on one. */
async function readOrMakeSecret(file: string, clusterExists: boolean): Promise<string> {
  const read = async (): Promise<string> => {
    const secret = (await readFile(file, 'utf8')).trim()
    if (secret.length < 32) throw unusable(file, 'it holds no secret')
    return secret
  }
  try {
    return await read()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  if (clusterExists) {
    throw unusable(
      path.dirname(file),
      `it holds a cluster, but the file "secret" with its passwords is gone; restore the file, or remove the folder "data" to begin anew`,
    )
  }
  const temporary = `${file}.new-${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    await writeFile(temporary, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    await link(temporary, file).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
    })
  } finally {
    await rm(temporary, { force: true })
  }
  return read()
}

/** Removes what first starts that were killed midway left behind. */
async function removeAbandonedClusters(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^(?:data|secret)\.new-(\d+)-[0-9a-f]+(?:\.password)?$/.exec(name)?.[1]
    if (pid !== undefined && !answersToSignals(Number(pid)))
      await rm(path.join(folder, name), { recursive: true, force: true })
  }
}

async function makeSocketFolder(socket: string, user: ServerUser): Promise<string | undefined> {
  if (Buffer.byteLength(socketFile(socket, 65_535)) > MAX_SOCKET_PATH_BYTES) return undefined
  await mkdir(socket, { recursive: true })
  const { uid, mode } = await lstat(socket)
  if (uid !== user.uid) await chown(socket, user.uid, user.gid)
  if ((mode & 0o777) !== 0o755) await chmod(socket, 0o755)
  return socket
}

/** The path that PostgreSQL gives its socket in a folder. */
export function socketFile(socketFolder: string, port: number): string {
  return path.join(socketFolder, `.s.PGSQL.${port}`)
}

function unusable(folder: string, why: string, cause?: unknown): LocalPostgresError {
  return new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
    `The PostgreSQL folder ${folder} can't be used: ${why}. Make it readable and writable for you, or name another one (PLIMSOLL_DATA).`,
    { cause },
  )
}
