// Where the processes of a machine share memory as files: a folder in /dev/shm where there's one, since a disk's own speed isn't what is measured.
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'

const SHARED_MEMORY = '/dev/shm'

/** @param otherwise - a folder to take where there's no shared memory; the one that's used is empty, this user's, and removed at the end */
export async function withSharedFolder<Result>(
  otherwise: string,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(path.join(isWritable(SHARED_MEMORY) ? SHARED_MEMORY : otherwise, 'plimsoll-bench-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
