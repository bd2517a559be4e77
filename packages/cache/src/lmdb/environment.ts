// An lmdb environment that costs its tier and nothing else when it fails: opened when it's safe, watched, closed and opened again when it must be, and off for good
// when it has to be.
//
//     checking ──sound──▶ on ──the map was moved aside by another process──▶ leaving ─▶ checking
//        │  ▲               ├──lmdb reports damage──────────────────────────▶ leaving ─▶ checking
//        │  └──damaged: moved aside, everybody has left it                  └──`off` appears, close()──▶ off
//        └──not ours, not writable, too little room, `off` is there, damaged again and again──▶ off
//
// Invariants
// * `root` is there only in the state `on`. Nothing here waits in a request's path: while a check runs the state is `degraded`.
// * The map is opened without a check only if nobody has died with it open and nobody is checking or replacing it.
// * Whoever finds the map moved aside, or `off`, leaves it within `watchMs`; a fresh one is made only after the last one has left.
// * Writes are synchronous transactions of a few µs. lmdb's asynchronous ones print their errors, and hold the machine's write lock while this process's event
//   loop is busy with something else.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statfsSync } from 'node:fs'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MapFolder, mapFolderPath } from './map-folder.ts'
import { suspicionOf } from './map-header.ts'
import { openRoot, ReadView, type Root } from './native.ts'

const MIN_MAP_BYTES = 8 * 1024 * 1024
const MAX_READERS = 1024
const MAX_TABLES = 16
const FILE_MODE = 0o600
/** A map that's damaged again after it was made anew so often, within so long, isn't the map's fault. */
const MAX_FRESH_MAPS = 3
const FRESH_MAPS_WINDOW_MS = 600_000
/** A map that fails so often although each check found it sound isn't. */
const MAX_FAILURES = 3
/** How often somebody who waits for a check looks again. */
const LOOK_MS = 20
const STDERR_CHARACTERS = 300
const HOLD_MS = 60_000

export interface EnvironmentOptions {
  /** The folder in which the map gets its own one, `<name>-v<format>`. */
  readonly folder: string
  readonly name: string
  readonly format: number
  /** Bytes on the file system at most; less when it hasn't twice as much free. */
  readonly mapBytes: number
  /** True: kept through restarts and power cuts, as lmdb does it by default. False: for shared memory, nothing is ever synced. */
  readonly durable: boolean
  /** The tables that a check reads, `name` or `name:uint32`. */
  readonly tables: readonly string[]
  /** Longest time that a check may take before the map counts as damaged, in ms. Default 5000. */
  readonly checkTimeoutMs?: number
  /** How often the map's files are looked at, in ms. Default 200. */
  readonly watchMs?: number
  /** The map is there; opens its tables. What it throws counts as a failure of the map. */
  readonly onOpen: (root: Root, view: ReadView) => void
  /** The map is about to be closed: nothing of it is used any more. */
  readonly onClose: () => void
}

export interface EnvironmentState {
  readonly state: 'on' | 'degraded' | 'off'
  readonly reason?: string
}

const ON: EnvironmentState = { state: 'on' }
const CHECKING: EnvironmentState = { state: 'degraded', reason: 'the map is being checked' }

export class Environment {
  readonly folder: MapFolder
  readonly #options: EnvironmentOptions
  readonly #stop = new AbortController()
  #state = CHECKING
  #root: Root | undefined
  #view: ReadView | undefined
  #inode: number | undefined
  #watch: NodeJS.Timeout | undefined
  #settling: Promise<void> | undefined
  #replacedAtMs: number[] = []
  #failures = 0
  /** Why the map needs a check although nobody has died with it. */
  #suspicion: string | undefined
  /** Why the map is replaced without another check. */
  #damage: string | undefined
  mapBytes: number

  constructor(options: EnvironmentOptions) {
    this.#options = options
    this.mapBytes = options.mapBytes
    this.folder = new MapFolder(mapFolderPath(options.folder, options.name, options.format))
    try {
      this.folder.prepare()
    } catch (error) {
      this.#turnOff(reasonOf(error))
      return
    }
    try {
      if (this.#tryOpen()) return
    } catch (error) {
      if (isNotTheMaps(error)) {
        this.#turnOff(reasonOf(error))
        return
      }
      this.#damage = reasonOf(error)
    }
    this.#settleInBackground()
  }

  get root(): Root | undefined {
    return this.#root
  }

  state(): EnvironmentState {
    return this.#state
  }

  /** Resolves when nothing is being checked or opened: the state is `on` or `off`. */
  async settled(): Promise<void> {
    // What's awaited keeps no process alive by itself; who waits for it does.
    const hold = setInterval(() => {}, HOLD_MS)
    try {
      while (this.#settling !== undefined) await this.#settling
    } finally {
      clearInterval(hold)
    }
  }

  /** Processes other than this one have the map open. */
  hasOtherUsers(): boolean {
    try {
      return this.folder.users().living > 0
    } catch {
      return false
    }
  }

  /**
   * To be told of every error of lmdb's. Lack of room passes, and isn't the map's fault; anything else may be damage: the map is closed and checked before it's
   * used again. Returns whether it was lack of room.
   */
  failed(error: unknown): boolean {
    if (isLackOfRoom(error)) return true
    if (this.#root === undefined) return false
    this.#suspicion = reasonOf(error)
    if (++this.#failures > MAX_FAILURES) this.#damage = this.#suspicion
    this.#leave({ state: 'degraded', reason: `the map failed (${this.#suspicion}) and is being checked` })
    this.#settleInBackground()
    return false
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#turnOff('closed')
    await this.settled()
  }

  /** False: a check is due first. @throws when the map can't be used */
  #tryOpen(): boolean {
    const reason = this.folder.offReason()
    if (reason !== undefined) {
      this.#turnOff(`${reason}; it's tried again when the supervisor starts anew`)
      return true
    }
    if (this.#suspicion !== undefined || this.#damage !== undefined || this.folder.isUnsettled) return false
    if (this.folder.users().leftBehind.length > 0) return false
    this.folder.enter()
    // Who checks or replaces looks at the users after having made the lock; so one of the two sees the other.
    this.#suspicion = this.folder.isUnsettled ? undefined : suspicionOf(this.folder.dataPath)
    if (this.folder.isUnsettled || this.#suspicion !== undefined) {
      this.folder.leave()
      return false
    }
    this.#open()
    return true
  }

  #open(): void {
    try {
      this.mapBytes = this.#roomFor(this.#options.mapBytes)
      const root = openRoot({
        path: this.folder.mapPath,
        mapSize: this.mapBytes,
        maxReaders: MAX_READERS,
        maxDbs: MAX_TABLES,
        permissionsMode: FILE_MODE,
        encoding: 'binary',
        ...(this.#options.durable ? {} : { noSync: true }),
      })
      this.#root = root
      root.readerCheck()
      this.#view = new ReadView(root)
      this.#options.onOpen(root, this.#view)
    } catch (error) {
      this.#leave(CHECKING)
      throw error
    }
    this.#inode = this.folder.mapInode()
    this.#watch ??= setInterval(() => this.#look(), this.#options.watchMs ?? 200).unref()
    this.#state = ON
  }

  /** @throws when there's too little */
  #roomFor(wantedBytes: number): number {
    const { bavail, bsize } = statfsSync(this.folder.path)
    const room = Math.floor((bavail * bsize) / 2) + this.folder.mapFileBytes()
    const bytes = Math.min(wantedBytes, room)
    if (bytes >= MIN_MAP_BYTES) return bytes
    throw new NoRoomError(`the map would get ${bytes} bytes, half of what’s free, and needs ${MIN_MAP_BYTES} at least`)
  }

  /** What other processes and supervisors did to the map's files. */
  #look(): void {
    if (this.#root === undefined) return
    try {
      const reason = this.folder.offReason()
      if (reason !== undefined) return this.#turnOff(`${reason}; it's tried again when the supervisor starts anew`)
      if (!this.folder.wasMoved && this.folder.mapInode() === this.#inode) return
    } catch (error) {
      return this.#turnOff(reasonOf(error))
    }
    this.#leave({ state: 'degraded', reason: 'the map was moved aside, and a fresh one is being made' })
    this.#settleInBackground()
  }

  #leave(state: EnvironmentState): void {
    this.#state = state
    this.#options.onClose()
    try {
      this.#view?.close()
      // Without writes of lmdb's own thread it's closed at once; the promise has nothing to tell.
      void this.#root?.close()
    } catch {
      // It's left either way.
    }
    this.#view = undefined
    this.#root = undefined
    try {
      this.folder.leave()
    } catch {
      // The file stays behind, and costs the next one a check.
    }
  }

  #turnOff(reason: string): void {
    clearInterval(this.#watch)
    this.#watch = undefined
    this.#leave({ state: 'off', reason })
  }

  #settleInBackground(): void {
    this.#settling ??= this.#settle()
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#turnOff(reasonOf(error))
      })
      .finally(() => {
        this.#settling = undefined
      })
  }

  async #settle(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.folder.offReason() === undefined && this.#needsSettling()) {
        if (!this.folder.tryLock()) {
          await this.#pause(LOOK_MS)
          continue
        }
        try {
          await this.#checkAndReplace()
        } finally {
          this.folder.unlock()
        }
      }
      if (this.#stop.signal.aborted) return
      this.folder.prepare()
      try {
        if (this.#tryOpen()) return
      } catch (error) {
        if (isNotTheMaps(error)) throw error
        this.#damage = reasonOf(error)
      }
    }
  }

  #needsSettling(): boolean {
    return (
      this.#suspicion !== undefined ||
      this.#damage !== undefined ||
      this.folder.isUnsettled ||
      this.folder.users().leftBehind.length > 0
    )
  }

  /** With the lock held. */
  async #checkAndReplace(): Promise<void> {
    const { leftBehind, living } = this.folder.users()
    if (!this.folder.wasMoved && this.folder.mapInode() !== undefined) {
      // One that's being made at the moment is empty too.
      const isEmpty = this.folder.mapFileBytes() === 0 && living === 0
      const damage = this.#damage ?? (isEmpty ? 'the file is empty' : await this.#check())
      if (this.#stop.signal.aborted) return
      if (damage !== undefined) this.#replace(damage)
    }
    this.#suspicion = undefined
    this.#damage = undefined
    this.folder.forgetUsers(leftBehind)
    while (this.folder.wasMoved && !this.#stop.signal.aborted) {
      const { living, leftBehind } = this.folder.users()
      this.folder.forgetUsers(leftBehind)
      if (living === 0) this.folder.forgetMoved()
      else {
        this.#state = { state: 'degraded', reason: `${living} processes still use a map that was moved aside` }
        await this.#pause(LOOK_MS)
      }
    }
  }

  #replace(damage: string): void {
    const nowMs = performance.now()
    this.#replacedAtMs = [...this.#replacedAtMs, nowMs].filter(atMs => nowMs - atMs < FRESH_MAPS_WINDOW_MS)
    if (this.#replacedAtMs.length > MAX_FRESH_MAPS) throw new Error(`damaged again and again: ${damage}`)
    this.#failures = 0
    this.folder.moveAside(Date.now())
  }

  /** Why the map is damaged; undefined: it's sound. Another process finds out, since it may not survive it. */
  async #check(): Promise<string | undefined> {
    const source = `./check/main${extname(import.meta.filename)}`
    const program = fileURLToPath(new URL(source, import.meta.url))
    const { mapPath } = this.folder
    const kind = this.#options.durable ? 'durable' : 'memory'
    const timeoutMs = this.#options.checkTimeoutMs ?? 5000
    const settings = [mapPath, String(this.mapBytes), kind, String(timeoutMs), ...this.#options.tables]
    const child = spawn(process.execPath, [program, ...settings], {
      stdio: ['ignore', 'ignore', 'pipe'],
      signal: this.#stop.signal,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    child.unref()
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-STDERR_CHARACTERS)))
    try {
      const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
      if (code === 0) return undefined
      return signal === null ? `the check said: ${said.trim()}` : `the check ended by ${signal}`
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined
      throw error
    }
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { ref: false, signal: this.#stop.signal })
    } catch {
      // Closed meanwhile.
    }
  }
}

class NoRoomError extends Error {}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function isLackOfRoom(error: unknown): boolean {
  return /MDB_MAP_FULL|MDB_TXN_FULL|No space left|ENOSPC/.test(reasonOf(error))
}

/** Rights, room, memory, files: another map would fail in the same way. */
function isNotTheMaps(error: unknown): boolean {
  if (error instanceof NoRoomError || isLackOfRoom(error)) return true
  const text = error instanceof Error && 'code' in error ? `${String(error.code)} ${error.message}` : reasonOf(error)
  return /EACCES|EPERM|EROFS|ENOMEM|EMFILE|ENFILE|ENOTDIR|ENAMETOOLONG|Permission denied|Read-only|Cannot allocate|Too many open|READERS_FULL/.test(
    text,
  )
}
