// The folder of the workers' sockets: who may use it, what's stale in it, and how the sockets are named.
//
// Invariants
// * One living supervisor per folder. The lock is a socket that it listens on: the kernel closes it with the process, however
//   that ends, where a pid in a file can belong to another program by now.
// * A socket path is used once. Node unlinks a server's path when it closes, also when a successor has bound the same name, so
//   every generation has its own, and the first generation of a run lies above everything an earlier run has left: its
//   orphans may still be closing.
// * Only the supervisor removes socket files, after their worker has ended.
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { RunFolderError, RunFolderInUseError, SocketPathTooLongError } from './errors.ts'

/** sockaddr_un holds 108 bytes on Linux, 104 on macOS and the BSDs, with the closing zero; the rest is a margin. */
const MAX_SOCKET_PATH_BYTES = 100

const LOCK_NAME = 'fleet.lock'
const WORKER_SOCKET = /^(\d+)-(\d+)\.sock$/

/** A folder held by this supervisor. */
export interface RunFolder {
  /** Absolute path. */
  readonly path: string
  /** No generation below this one has been used in this folder. */
  readonly firstGeneration: number
  /** Where the worker of this generation listens. */
  socketPath(worker: number, generation: number): string
  /** Removes the socket of a worker that has ended; fine when it's gone already. */
  removeSocket(path: string): Promise<void>
  /** Gives the folder free for another supervisor. */
  release(): Promise<void>
}

/**
 * Path of a worker's socket.
 * @throws SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG when it has more than 100 bytes.
 */
export function socketPathFor(folder: string, worker: number, generation: number): string {
  const path = join(folder, `${worker}-${generation}.sock`)
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_SOCKET_PATH_BYTES) throw new SocketPathTooLongError(path, bytes, MAX_SOCKET_PATH_BYTES)
  return path
}

/**
 * Makes the folder if there's none (mode 0700), takes it, and removes what earlier runs have left.
 * @throws SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG, SUPERVISOR_ERR_RUN_FOLDER, SUPERVISOR_ERR_RUN_FOLDER_IN_USE
 */
export async function openRunFolder(folder: string, workers: number): Promise<RunFolder> {
  const path = resolve(folder)
  // Refused before anything is touched; room for the generations of years.
  socketPathFor(path, workers - 1, 9_999_999)
  const lockPath = join(path, LOCK_NAME)
  try {
    await makeFolder(path)
    const lock = await takeLock(path, lockPath)
    try {
      const firstGeneration = await clearStale(path)
      return {
        path,
        firstGeneration,
        socketPath: (worker, generation) => socketPathFor(path, worker, generation),
        removeSocket: socket => rm(socket, { force: true }),
        release: () => closeServer(lock),
      }
    } catch (error) {
      await closeServer(lock)
      throw error
    }
  } catch (error) {
    throw error instanceof RunFolderInUseError ? error : new RunFolderError(path, error)
  }
}

/** One by one: Node's recursive mkdir never ends where the system says ENOENT for a folder that exists, as below /proc. */
async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return
  await makeFolder(dirname(path))
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

async function takeLock(folder: string, lockPath: string): Promise<Server> {
  const server = createServer(peer => peer.destroy())
  server.unref()
  try {
    await listen(server, lockPath)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    if (await answers(lockPath)) throw new RunFolderInUseError(folder)
    await rm(lockPath, { force: true })
    await listen(server, lockPath)
  }
  return server
}

function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(path, () => {
    server.off('error', reject)
    // Too few file descriptors to accept a probe is no reason to end: whoever probes is refused all the same.
    server.on('error', () => {})
    done()
  })
  return promise
}

/** Whether a living process listens on the socket. */
function answers(path: string): Promise<boolean> {
  const { promise, resolve: done } = Promise.withResolvers<boolean>()
  const probe = connect(path)
  probe.once('connect', () => {
    probe.destroy()
    done(true)
  })
  probe.once('error', () => done(false))
  return promise
}

async function clearStale(folder: string): Promise<number> {
  let lastGeneration = 0
  for (const name of await readdir(folder)) {
    const generation = WORKER_SOCKET.exec(name)?.[2]
    if (generation === undefined) continue // Somebody else's.
    lastGeneration = Math.max(lastGeneration, Number(generation))
    await rm(join(folder, name), { force: true })
  }
  return lastGeneration + 1
}

function closeServer(server: Server): Promise<void> {
  const { promise, resolve: done } = Promise.withResolvers<void>()
  server.close(() => done())
  return promise
}
