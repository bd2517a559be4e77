// A heap snapshot, for the few cases in which it does no harm. It stops the process for seconds to minutes, takes up to 12 times the heap in memory (117 MB of small
// objects: 10-18 s, and 190 MB resident become 1,862 MB), and the file holds every string of the process, passwords and tokens included.
//
// So each of these has to hold, or it's refused: the caller has opted in, and says that the process is drained; there's free memory for 12 heaps, in the container and
// on the machine; no other process of the machine is writing one; the folder's volume has room. The file is its owner's alone (0600).
import { closeSync, mkdirSync, openSync, readFileSync, statfsSync, unlinkSync, writeSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import path from 'node:path'
import { getHeapStatistics, writeHeapSnapshot } from 'node:v8'
import { MemoryError } from '../errors.ts'

export interface HeapSnapshotOptions {
  /** Where the file goes; a volume, better than the container's own layer. Made with mode 0700 when it's missing. */
  readonly folder: string
  /** Has to be true: the file contains secrets. */
  readonly containsSecretsAndThatIsFine: boolean
  /** Whether no request is in flight and none will come. */
  readonly isDrained: () => boolean
  /** Bytes that may still be taken in the container; a monitor's `limitBytes - containerUseBytes`. NaN: not known, the machine's count alone. */
  readonly containerFreeBytes: number
  /** One snapshot at a time among those who name the same. Default: `plimsoll-heap-snapshot.lock` in the system's folder for temporary files. */
  readonly lockFile?: string
  /** The wall clock, for the file's name. Default: `Date`. */
  readonly wallClock?: { now(): number }
  /** Default: V8's count. */
  readonly heapUsedBytes?: number
  /** Default: `os.freemem()`. */
  readonly machineFreeBytes?: number
  /** Default: `v8.writeHeapSnapshot`. */
  readonly write?: (file: string) => void
}

/** Memory that a snapshot may take, in heaps. */
const HEAPS = 12
/** Bytes of the file per byte of heap, with room to spare. */
const FILE_PER_HEAP = 3

/**
 * Writes a snapshot, synchronously; gives its path.
 * @throws MEMORY_ERR_SNAPSHOT with what is missing.
 */
export function takeHeapSnapshot(options: HeapSnapshotOptions): string {
  const { folder, containerFreeBytes, wallClock = Date } = options
  const heapUsedBytes = options.heapUsedBytes ?? getHeapStatistics().used_heap_size
  const machineFreeBytes = options.machineFreeBytes ?? freemem()
  if (!options.containsSecretsAndThatIsFine) refuse('containsSecretsAndThatIsFine is not true')
  if (!options.isDrained()) refuse('the process is not drained, and would stop for seconds')
  const freeBytes = Number.isNaN(containerFreeBytes) ? machineFreeBytes : Math.min(containerFreeBytes, machineFreeBytes)
  const neededBytes = HEAPS * heapUsedBytes
  if (!(freeBytes >= neededBytes)) {
    refuse(`${mib(freeBytes)} MiB of memory are free, ${mib(neededBytes)} are needed (${HEAPS} times the heap)`)
  }
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const volume = statfsSync(folder)
    const roomBytes = volume.bavail * volume.bsize
    if (roomBytes < FILE_PER_HEAP * heapUsedBytes) refuse(`${folder} has only ${mib(roomBytes)} MiB left`)
    const lockFile = options.lockFile ?? path.join(tmpdir(), 'plimsoll-heap-snapshot.lock')
    takeLock(lockFile)
    try {
      const file = path.join(folder, `heap-${process.pid}-${Math.trunc(wallClock.now())}.heapsnapshot`)
      // Made here, so that it's ours, new, and closed to others before the first byte.
      closeSync(openSync(file, 'wx', 0o600))
      try {
        ;(options.write ?? writeHeapSnapshot)(file)
      } catch (error) {
        // Half a snapshot is of no use, and its strings are as secret.
        unlinkSync(file)
        throw error
      }
      return file
    } finally {
      unlinkSync(lockFile)
    }
  } catch (cause) {
    if (cause instanceof MemoryError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MemoryError('MEMORY_ERR_SNAPSHOT', `No heap snapshot was written to ${folder}: ${reason}`, cause)
  }
}

/** The file holds its owner's process id, so that the lock of one that has died can be told. */
function takeLock(lockFile: string): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(lockFile, 'wx', 0o600)
      writeSync(file, String(process.pid))
      closeSync(file)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const owner = Number.parseInt(readFileSync(lockFile, 'latin1'), 10)
      // The own id is that of an earlier process: containers give the same ids again, and a snapshot is synchronous, so this one is writing none.
      if (!(owner > 0) || (owner !== process.pid && isRunning(owner))) refuse(`process ${owner} holds ${lockFile}`)
      unlinkSync(lockFile)
    }
  }
  refuse(`others are taking ${lockFile}`)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function refuse(reason: string): never {
  throw new MemoryError('MEMORY_ERR_SNAPSHOT', `A heap snapshot was refused: ${reason}.`)
}

function mib(bytes: number): number {
  return Math.floor(bytes / (1024 * 1024))
}
