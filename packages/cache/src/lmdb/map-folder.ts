// The files around a map, by which processes agree on whether it may be opened. A damaged map kills whoever opens it, and that can't be caught: so who uses one says
// so beforehand, and who died while using it is noticed by the next one.
//
//     <folder>/<name>-v<format>/
//       map/data.mdb, lock.mdb   lmdb's own files
//       users/<identity>.<n>     one per process and opening, there before the map is opened and until it's closed; `identity` tells whether the process lives
//       check.lock               who checks or replaces the map at the moment; its content is an identity
//       moved                    a map was moved aside, and processes may still use it: nobody makes a new one before they have left
//       crashes                  when processes died of a signal that a damaged map causes, as supervisors report it
//       off                      the map stays closed until a supervisor starts anew; its content says why
//       map-damaged-<time>       the newest map that was moved aside
//
// Invariants
// * Two maps under one folder are never in use at the same time: a number read from the old one could otherwise hide an invalidation in the new one.
// * Nothing here is trusted that another user could have made: the folder is ours alone, or it isn't used.
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { processIdentity, whereaboutsOf } from './process-identity.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const DAMAGED = 'map-damaged-'
/** Signals by which a process dies that reads a damaged map. */
const CRASH_SIGNALS: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT'])
const CRASH_WINDOW_MS = 60_000
const CRASHES_TO_OFF = 2

export interface MapUsers {
  /** Other openings, of living processes. */
  readonly living: number
  /** Files of processes that ended without closing the map, or of which nothing can be said from here. */
  readonly leftBehind: readonly string[]
}

export class MapFolder {
  readonly path: string
  readonly mapPath: string
  readonly dataPath: string
  readonly #lockPath: string
  readonly #offPath: string
  readonly #movedPath: string
  readonly #usersPath: string
  readonly #crashesPath: string
  #user: string | undefined

  constructor(path: string) {
    this.path = path
    this.mapPath = join(path, 'map')
    this.dataPath = join(this.mapPath, 'data.mdb')
    this.#lockPath = join(path, 'check.lock')
    this.#offPath = join(path, 'off')
    this.#movedPath = join(path, 'moved')
    this.#usersPath = join(path, 'users')
    this.#crashesPath = join(path, 'crashes')
  }

  /**
   * Makes the folder, or sees that it's ours alone.
   * @throws why it can't be used
   */
  prepare(): void {
    for (const path of [this.path, this.mapPath, this.#usersPath]) {
      makeFolder(path)
      const found = lstatSync(path)
      if (!found.isDirectory()) throw new Error(`${path} isn’t a folder`)
      const user = process.getuid?.()
      if (user !== undefined && found.uid !== user) throw new Error(`${path} belongs to another user (${found.uid})`)
      if ((found.mode & 0o077) !== 0) chmodSync(path, FOLDER_MODE)
    }
  }

  /** Why the map stays closed; undefined: it may be opened. */
  offReason(): string | undefined {
    return readIfThere(this.#offPath)
  }

  /** Something has to be settled before the map may be opened. */
  get isUnsettled(): boolean {
    return existsSync(this.#lockPath) || existsSync(this.#movedPath)
  }

  get wasMoved(): boolean {
    return existsSync(this.#movedPath)
  }

  /** Which file the map is; undefined: there's none. */
  mapInode(): number | undefined {
    return statSync(this.dataPath, { throwIfNoEntry: false })?.ino
  }

  mapFileBytes(): number {
    return statSync(this.dataPath, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Says that this process uses the map, before it opens it. */
  enter(): void {
    const user = `${processIdentity()}.${randomUUID().slice(0, 8)}`
    closeSync(openSync(join(this.#usersPath, user), 'wx', FILE_MODE))
    this.#user = user
  }

  /** It doesn't any more. */
  leave(): void {
    if (this.#user !== undefined) rmSync(join(this.#usersPath, this.#user), { force: true })
    this.#user = undefined
  }

  users(): MapUsers {
    const leftBehind: string[] = []
    let living = 0
    for (const user of readdirSync(this.#usersPath)) {
      if (user === this.#user) continue
      if (whereaboutsOf(user.slice(0, user.lastIndexOf('.'))) === 'living') living++
      else leftBehind.push(user)
    }
    return { living, leftBehind }
  }

  forgetUsers(users: readonly string[]): void {
    for (const user of users) rmSync(join(this.#usersPath, user), { force: true })
  }

  /** Takes the right to check and replace the map; false: a living process has it. */
  tryLock(): boolean {
    const holder = readIfThere(this.#lockPath)
    // An empty one was made just now, or by a process that died between making and writing it.
    if (holder !== undefined && whereaboutsOf(holder) === 'living') return false
    if (holder !== undefined && !this.#breakLock(holder)) return false
    try {
      // Written beside and linked: it's never seen without its content.
      return this.#createLock()
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false
      throw error
    }
  }

  #createLock(): boolean {
    const draft = `${this.#lockPath}.${randomUUID().slice(0, 8)}`
    writeFileSync(draft, processIdentity(), { flag: 'wx', mode: FILE_MODE })
    try {
      linkSync(draft, this.#lockPath)
      return true
    } finally {
      rmSync(draft, { force: true })
    }
  }

  /** The lock of a dead process: of those that find it, one gets it out of the way. */
  #breakLock(holder: string): boolean {
    const aside = `${this.#lockPath}.${randomUUID().slice(0, 8)}`
    try {
      renameSync(this.#lockPath, aside)
      // Another one was quicker and has made its own since: give it back.
      const moved = readIfThere(aside)
      if (moved !== holder) {
        linkSync(aside, this.#lockPath)
        return false
      }
      return true
    } catch (error) {
      if (isCode(error, 'ENOENT') || isCode(error, 'EEXIST')) return false
      throw error
    } finally {
      rmSync(aside, { force: true })
    }
  }

  unlock(): void {
    rmSync(this.#lockPath, { force: true })
  }

  /** Gets the map out of the way; who uses it sees that and leaves. */
  moveAside(nowMs: number): void {
    writeFileSync(this.#movedPath, '', { mode: FILE_MODE })
    for (const name of readdirSync(this.path)) {
      if (name.startsWith(DAMAGED)) rmSync(join(this.path, name), { recursive: true, force: true })
    }
    if (!existsSync(this.mapPath)) return
    renameSync(this.mapPath, join(this.path, `${DAMAGED}${new Date(nowMs).toISOString().replaceAll(':', '-')}`))
  }

  /** Everybody has left the map that was moved aside. */
  forgetMoved(): void {
    rmSync(this.#movedPath, { force: true })
  }

  /** @returns whether that was one too many, and the map is off now */
  addCrash(signal: string, nowMs: number): boolean {
    const earlier = (readIfThere(this.#crashesPath) ?? '').split('\n').map(Number)
    const recent = earlier.filter(atMs => atMs > 0 && Math.abs(nowMs - atMs) < CRASH_WINDOW_MS)
    recent.push(nowMs)
    writeFileSync(this.#crashesPath, `${recent.join('\n')}\n`, { mode: FILE_MODE })
    if (recent.length < CRASHES_TO_OFF) return false
    const reason = `${recent.length} processes died within ${CRASH_WINDOW_MS / 1000} s, the last one of ${signal}`
    writeFileSync(this.#offPath, reason, { mode: FILE_MODE })
    this.moveAside(nowMs)
    return true
  }

  clearCrashes(): void {
    rmSync(this.#crashesPath, { force: true })
    rmSync(this.#offPath, { force: true })
  }
}

/** Where a map of this name and layout stands; another layout never opens it. */
export function mapFolderPath(folder: string, name: string, format: number): string {
  return join(folder, `${name}-v${format}`)
}

/**
 * For supervisors: a process that used maps under this folder has ended by a signal. Two within 60 s of SIGSEGV, SIGBUS or SIGABRT: the maps are moved aside, and
 * stay off until `clearCrashes`. Other signals, SIGKILL among them, say nothing about the maps.
 * @returns whether the maps are off now
 */
export function recordCrash(folder: string, signal: NodeJS.Signals, nowMs = Date.now()): boolean {
  if (!CRASH_SIGNALS.has(signal)) return false
  let off = false
  for (const map of mapFolders(folder)) off = map.addCrash(signal, nowMs) || off
  return off
}

/** For supervisors, when they start: maps that were off may be tried again. */
export function clearCrashes(folder: string): void {
  for (const map of mapFolders(folder)) map.clearCrashes()
}

function mapFolders(folder: string): MapFolder[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter(name => /-v\d+$/.test(name) && existsSync(join(folder, name, 'users')))
  return names.map(name => new MapFolder(join(folder, name)))
}

/** Not by mkdir's own `recursive`: where a file system answers ENOENT although the parent is there, as /proc does, that never ends. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, FOLDER_MODE)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW })
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
