// Tests as an ordinary user, when they're run by root: programs are started as "nobody". Run by an ordinary user, they're started as that.
import path from 'node:path'
import { findObstacle } from '../src/server-user.ts'

export const isRoot = process.getuid?.() === 0
/** The id that "nobody" has nearly everywhere. */
export const NOBODY = 65_534

/** For `spawnProgram`. */
export const asOrdinaryUser = isRoot ? { uid: NOBODY, gid: NOBODY } : {}

/** Why a program of this checkout can't be run so, for a test's `skip`; false when it can. */
export async function whyNotAsOrdinaryUser(): Promise<string | false> {
  const nobody = { name: 'nobody', uid: NOBODY, gid: NOBODY, dropped: isRoot }
  for (const folder of [import.meta.dirname, path.dirname(process.execPath)]) {
    const obstacle = await findObstacle(folder, nobody)
    if (obstacle !== undefined) return `nobody can't reach ${folder}: ${obstacle.folder} is closed`
  }
  return false
}
