// Stopping what a killed process left behind, without starting anything: for a program that wants to remove or reset the folder.
import { realpath } from 'node:fs/promises'
import { dataFolderOf } from './cluster-folder.ts'
import { hasCode } from './errors.ts'
import { clearTheWay } from './running-server.ts'

/**
 * Stops the server on a folder when its owner is gone. Gives true when it stopped one, false when none ran or the folder doesn't exist.
 * @throws LOCAL_POSTGRES_ERR_IN_USE when the server belongs to a living process (`ownerPid`); the folder may not be removed then.
 */
export async function stopOrphanedPostgres(options: {
  readonly folder: string
  readonly stopTimeoutMs?: number
}): Promise<boolean> {
  try {
    return await clearTheWay(dataFolderOf(await realpath(options.folder)), options.stopTimeoutMs ?? 15_000, () => {})
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}
