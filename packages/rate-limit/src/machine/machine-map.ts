// The lmdb environment of a machine's counts: opened when it's safe, left when it fails, and tried again. Nothing here waits or has a timer: it's looked at when a
// decision is made.
//
//     on ──an error, or `off` appears──► degraded, for retryMs ──► opened again ──► on
//      └──another process moved the map aside: opened anew          └──damaged twice in a row: moved aside first, so that counting begins anew
//
//     <folder>/limits-v1/
//       map/data.mdb, lock.mdb   lmdb's own files
//       off                      the map stays closed while it's there; a supervisor makes it when processes have died of a damaged map
//       users/                   empty; by it a supervisor knows the folder for one of maps
//       map-damaged              the newest map that was moved aside
//
// The layout is the one of @plimsoll/cache, whose `recordCrash` a supervisor calls: what crashes processes is then turned off here, too.
//
// Invariants
// * A damaged file costs the counts, never a request: who is told by `undefined` that there's no map decides without it.
// * Synchronous transactions only: a process that's killed in one leaves a robust mutex, which the next one takes over; nothing of it was committed.
import { chmodSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as lmdb from 'lmdb'
import type { Database, RootDatabase, RootDatabaseOptions } from 'lmdb'
import type { StoreState } from '../store.ts'
import { damageOf } from './map-check.ts'

const FORMAT = 1
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const MAX_READERS = 1024
/** How often the folder is looked at for `off` and for a map that was moved aside. */
const LOOK_MS = 500
/** From the second failure in a row on a map that looks damaged is replaced. The first may be one that another process is just making. */
const FAILURES_TO_REPLACE = 2
const FIRST_RETRY_MS = 50
/** Free bytes that a new map needs at least. */
const ROOM_BYTES = 1024 * 1024

/** Rows as bytes, by short texts. */
export type Table = Database<Uint8Array, string>

export interface OpenMap {
  readonly root: RootDatabase<Uint8Array, string>
  readonly table: Table
}

export interface MachineMapOptions {
  readonly folder: string
  readonly mapBytes: number
  readonly retryMs: number
  /** Monotonic milliseconds, for when to look and to try again. */
  readonly clock: { now(): number }
  /** The map is there, for the first time or again. What it throws counts as a failure of the map. */
  readonly onOpen: (map: OpenMap) => void
  readonly onState: (state: StoreState) => void
}

export class MachineMap {
  readonly #options: MachineMapOptions
  readonly #path: string
  readonly #mapPath: string
  #map: OpenMap | undefined
  #inode: number | undefined
  #state: StoreState = { state: 'on' }
  #told: StoreState['state'] = 'on'
  #failures = 0
  #retryAtMs = Number.NEGATIVE_INFINITY
  #lookAtMs = 0

  constructor(options: MachineMapOptions) {
    this.#options = options
    this.#path = join(options.folder, `limits-v${FORMAT}`)
    this.#mapPath = join(this.#path, 'map')
    this.#tryOpen(options.clock.now())
  }

  state(): StoreState {
    return this.#state
  }

  /** Undefined: there's none to be used at the moment. */
  current(): OpenMap | undefined {
    const nowMs = this.#options.clock.now()
    if (this.#state.state === 'off' || nowMs < this.#retryAtMs) return undefined
    if (this.#map === undefined) this.#tryOpen(nowMs)
    else if (nowMs >= this.#lookAtMs) this.#look(nowMs)
    return this.#map
  }

  /** Something was written. */
  worked(): void {
    this.#failures = 0
    if (this.#state.state === 'on') return
    this.#state = { state: 'on' }
    this.#tell()
  }

  /** To be told of every error of lmdb's. Lack of room passes; anything else may be damage, and the map is closed. */
  failed(error: unknown): void {
    const reason = reasonOf(error)
    const isOutside = isNotTheMaps(reason)
    this.#state = { state: 'degraded', reason }
    this.#failures++
    const isFirst = this.#failures < FAILURES_TO_REPLACE && !isOutside
    this.#retryAtMs =
      this.#options.clock.now() + (isFirst ? Math.min(FIRST_RETRY_MS, this.#options.retryMs) : this.#options.retryMs)
    if (!isLackOfRoom(reason)) this.#leave()
    // The first one may pass unnoticed: another process was making the map, or replacing it.
    if (isFirst) return
    if (!isOutside) this.#moveAside()
    this.#tell()
  }

  close(): void {
    this.#leave()
    this.#state = { state: 'off', reason: 'closed' }
  }

  #tryOpen(nowMs: number): void {
    try {
      if (existsSync(join(this.#path, 'off'))) {
        this.#retryAtMs = nowMs + this.#options.retryMs
        this.#state = { state: 'degraded', reason: 'it was turned off, since processes died of it' }
        this.#tell()
        return
      }
      this.#prepare()
      const dataPath = join(this.#mapPath, 'data.mdb')
      const damage = damageOf(dataPath)
      if (damage !== undefined) throw new Error(damage)
      if ((statSync(dataPath, { throwIfNoEntry: false })?.size ?? 0) === 0) this.#checkRoom()
      const root = openRoot({
        path: this.#mapPath,
        mapSize: this.#options.mapBytes,
        maxReaders: MAX_READERS,
        maxDbs: 2,
        permissionsMode: FILE_MODE,
        encoding: 'binary',
        // In shared memory there's nothing to sync, and elsewhere a restart may forget.
        noSync: true,
      })
      this.#map = { root, table: root.openDB<Uint8Array, string>('windows', { encoding: 'binary' }) }
      this.#inode = statSync(dataPath).ino
      this.#lookAtMs = nowMs + LOOK_MS
      this.#options.onOpen(this.#map)
    } catch (error) {
      this.failed(error)
    }
  }

  #look(nowMs: number): void {
    this.#lookAtMs = nowMs + LOOK_MS
    try {
      const inode = statSync(join(this.#mapPath, 'data.mdb'), { throwIfNoEntry: false })?.ino
      if (inode === this.#inode && !existsSync(join(this.#path, 'off'))) return
    } catch (error) {
      this.failed(error)
      return
    }
    this.#leave()
    this.#tryOpen(nowMs)
  }

  #leave(): void {
    const root = this.#map?.root
    this.#map = undefined
    try {
      // Without writes of lmdb's own thread it's closed at once; the promise has nothing to tell.
      void root?.close()
    } catch {
      // It's left either way.
    }
  }

  #moveAside(): void {
    const aside = join(this.#path, 'map-damaged')
    try {
      rmSync(aside, { recursive: true, force: true })
      renameSync(this.#mapPath, aside)
    } catch {
      // Another process was quicker, or nothing may be changed here: the next attempt tells.
    }
  }

  /**
   * Shared memory that's full gives a file its size and then kills who writes there.
   * @throws when there's too little for a new map
   */
  #checkRoom(): void {
    const { bavail, bsize } = statfsSync(this.#path)
    if (bavail * bsize < ROOM_BYTES)
      throw new Error(`ENOSPC: ${bavail * bsize} bytes are free, and a map needs ${ROOM_BYTES}`)
  }

  /** @throws why the folder can't be used */
  #prepare(): void {
    for (const path of [this.#path, this.#mapPath, join(this.#path, 'users')]) {
      makeFolder(path)
      const found = lstatSync(path)
      const user = process.getuid?.()
      if (!found.isDirectory()) throw new Error(`ENOTDIR: ${path} isn't a folder`)
      if (user !== undefined && found.uid !== user) throw new Error(`EACCES: ${path} belongs to another user`)
      if ((found.mode & 0o077) !== 0) chmodSync(path, FOLDER_MODE)
    }
  }

  /** Once per change. */
  #tell(): void {
    if (this.#state.state === this.#told) return
    this.#told = this.#state.state
    this.#options.onState(this.#state)
  }
}

/** Options that exist and that lmdb's types leave out. */
interface OpenOptions extends RootDatabaseOptions {
  readonly path: string
  readonly permissionsMode: number
}

function openRoot(options: OpenOptions): RootDatabase<Uint8Array, string> {
  return lmdb.open<Uint8Array, string>(options)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? `${String(error.code)} ${error.message}` : error.message
}

/** A write that fits in part is an input/output error to lmdb. */
function isLackOfRoom(reason: string): boolean {
  return /MAP_FULL|TXN_FULL|Input\/output error|No space left|ENOSPC|EFBIG|File too large|EDQUOT/.test(reason)
}

/** Rights, room, memory, files: another map would fail in the same way. */
function isNotTheMaps(reason: string): boolean {
  if (isLackOfRoom(reason)) return true
  return /READERS_FULL|ENOENT|EACCES|ELOOP|EIO|EPERM|EROFS|ENOMEM|EMFILE|ENFILE|ENOTDIR|ENAMETOOLONG|Permission denied|Read-only|Cannot allocate|Too many open/.test(
    reason,
  )
}

/** Not by mkdir's own `recursive`: where a file system answers ENOENT although the parent is there, as /proc does, that never ends. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, FOLDER_MODE)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
