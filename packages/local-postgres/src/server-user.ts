// Which user runs PostgreSQL. It refuses to run as root, so a start by root drops to another user; everybody else runs it as themselves.
//
// The user needs an entry in /etc/passwd, because initdb looks its name up. Where a cluster exists already, its owner runs it: a folder that was made by an
// ordinary user keeps working when root starts it once, and the other way round nothing can be done without root.
import type { Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { hasCode, LocalPostgresError } from './errors.ts'

export interface ServerUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** True when the server runs as another user than this process. */
  readonly dropped: boolean
}

/** In this order: made for PostgreSQL, made for Node (container images have it), and made for nobody. */
const CANDIDATES = ['postgres', 'node', 'nobody']

/** The caller's identity and where users are listed; tests pass others. */
export interface UserSource {
  readonly uid: number
  readonly gid: number
  readonly passwdFile: string
}

/** Who this process is. @throws LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM on Windows, which has no such ids. */
export function currentUserSource(): UserSource {
  if (process.getuid === undefined || process.getgid === undefined) {
    throw new LocalPostgresError(
      'LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM',
      `Local PostgreSQL runs on Linux and macOS, not on ${process.platform}. Start a PostgreSQL of your own and set DATABASE_URL to its address.`,
    )
  }
  return { uid: process.getuid(), gid: process.getgid(), passwdFile: '/etc/passwd' }
}

/**
 * Chooses the user for the cluster in `dataFolder`, which needn't exist yet.
 * @throws LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER, LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE
 */
export async function chooseServerUser(dataFolder: string, source: UserSource): Promise<ServerUser> {
  const users = parsePasswd(await readFile(source.passwdFile, 'utf8').catch(() => ''))
  const owner = await ownerOf(dataFolder)
  if (source.uid !== 0) {
    if (owner !== undefined && owner.uid !== source.uid)
      throw foreignCluster(dataFolder, nameOf(users, owner.uid), nameOf(users, source.uid))
    return { name: nameOf(users, source.uid), uid: source.uid, gid: source.gid, dropped: false }
  }
  if (owner?.uid === 0) {
    throw new LocalPostgresError(
      'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
      `${dataFolder} belongs to root, as whom PostgreSQL refuses to run. Give it to another user (chown -R postgres), or remove it to begin with an empty database.`,
    )
  }
  if (owner !== undefined) return { name: nameOf(users, owner.uid), uid: owner.uid, gid: owner.gid, dropped: true }
  for (const name of CANDIDATES) {
    const user = users.find(entry => entry.name === name)
    if (user !== undefined && user.uid > 0) return { ...user, dropped: true }
  }
  throw new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER',
    `PostgreSQL refuses to run as root, and ${source.passwdFile} lists none of ${CANDIDATES.join(', ')}. Add one (useradd --system postgres), start as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.`,
  )
}

interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** passwd(5): `name:password:uid:gid:comment:home:shell`. Lines that are something else (comments, NIS) are passed over. */
function parsePasswd(text: string): readonly PasswdEntry[] {
  const entries: PasswdEntry[] = []
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name === undefined || uid === undefined || gid === undefined || !/^\d+$/.test(uid) || !/^\d+$/.test(gid))
      continue
    entries.push({ name, uid: Number(uid), gid: Number(gid) })
  }
  return entries
}

function nameOf(users: readonly PasswdEntry[], uid: number): string {
  return users.find(user => user.uid === uid)?.name ?? `uid ${uid}`
}

/** Owner of a cluster; undefined where there's none or it can't be seen, which shows again, and clearer, when the folder is opened. */
async function ownerOf(dataFolder: string): Promise<{ uid: number; gid: number } | undefined> {
  return stat(dataFolder).catch(() => undefined)
}

function foreignCluster(dataFolder: string, owner: string, user: string): LocalPostgresError {
  return new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
    `${dataFolder} belongs to ${owner}, and you are ${user}. It was made by a start as another user: start as ${owner} or root again, name another folder (PLIMSOLL_DATA), or have it removed.`,
  )
}

async function statIfThere(folder: string): Promise<Stats | undefined> {
  try {
    return await stat(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** What keeps a user out of a folder: the first closed folder on the way down. */
export interface Obstacle {
  readonly folder: string
  readonly mode: string
}

/**
 * Looks for a folder on the way to `folder` (itself included) that `user` can't pass, by owner, group and others' x bit. Node has no way to ask the system on
 * behalf of another user. Access lists aren't looked at, and neither are supplementary groups: the server has none.
 */
export async function findObstacle(folder: string, user: ServerUser): Promise<Obstacle | undefined> {
  if (!user.dropped) return undefined
  const steps = path.resolve(folder).split(path.sep)
  for (let depth = 1; depth <= steps.length; depth++) {
    const step = steps.slice(0, depth).join(path.sep) || path.sep
    const status = await statIfThere(step)
    // What's missing will be made, and then it's open.
    if (status === undefined) return undefined
    const execute = status.uid === user.uid ? 0o100 : status.gid === user.gid ? 0o010 : 0o001
    if ((status.mode & execute) === 0) return { folder: step, mode: (status.mode & 0o777).toString(8).padStart(4, '0') }
  }
  return undefined
}
