// Runs one of PostgreSQL's programs to its end as the server's user, and gives its exit code and what it printed.
import { spawn } from 'node:child_process'
import type { ServerUser } from './server-user.ts'

/** How a program ended. `spawnError` is set when it never ran: a code such as EACCES. */
export interface ProgramResult {
  readonly code: number | null
  readonly output: string
  readonly spawnError: NodeJS.ErrnoException | undefined
}

const MAX_OUTPUT_CHARACTERS = 20_000

/**
 * The environment of PostgreSQL's programs: nothing of ours, so that neither PG* variables nor a foreign locale changes what they do. Messages are English,
 * because a few of them have to be recognised.
 */
export const SERVER_ENVIRONMENT = Object.freeze({ PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' })

/** Spawn options that make a child the server's user. Node drops supplementary groups with them. */
export function asUser(user: ServerUser): { uid?: number; gid?: number } {
  return user.dropped ? { uid: user.uid, gid: user.gid } : {}
}

/** @throws the signal's reason when it aborts; the program is then ended by SIGTERM. */
export async function runProgram(
  file: string,
  args: readonly string[],
  user: ServerUser,
  signal?: AbortSignal,
): Promise<ProgramResult> {
  signal?.throwIfAborted()
  const { promise, resolve } = Promise.withResolvers<ProgramResult>()
  let output = ''
  try {
    const child = spawn(file, args, {
      ...asUser(user),
      cwd: '/',
      env: SERVER_ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const collect = (bytes: Buffer): void => {
      output = (output + bytes.toString('utf8')).slice(-MAX_OUTPUT_CHARACTERS)
    }
    const abort = (): void => {
      child.kill('SIGTERM')
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', error => resolve({ code: null, output, spawnError: error }))
    child.once('close', code => resolve({ code, output, spawnError: undefined }))
    signal?.addEventListener('abort', abort)
    void promise.then(() => signal?.removeEventListener('abort', abort))
  } catch (error) {
    // Some failures are thrown, EACCES for one, others are emitted, depending on where the child stumbles.
    if (!(error instanceof Error)) throw error
    resolve({ code: null, output, spawnError: error })
  }
  const result = await promise
  signal?.throwIfAborted()
  return result
}
