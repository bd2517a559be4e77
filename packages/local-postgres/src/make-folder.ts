// Making folders that another user has to pass, whatever the umask says.
import { chmod, mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { ServerUser } from './server-user.ts'

/** Makes a folder and those above it as far as they're missing; for a server that runs as another user, everybody may pass the new ones. Gives true when it made one. */
export async function makeFolder(folder: string, user: ServerUser): Promise<boolean> {
  const firstMade = await mkdir(folder, { recursive: true })
  if (firstMade === undefined) return false
  if (user.dropped) {
    for (let each = folder; each.length >= firstMade.length; each = path.dirname(each)) await chmod(each, 0o755)
  }
  return true
}
