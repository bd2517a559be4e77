// Programs that behave as told, in the place of PostgreSQL's.
import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { dataFolderOf, type ClusterFolder } from '../src/cluster-folder.ts'

/** Writes a shell script and gives its path. */
export async function fakeProgram(folder: string, script: string): Promise<string> {
  const file = path.join(folder, 'program')
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  return file
}

/** A folder as `openClusterFolder` describes it, run by ourselves. */
export function clusterFolder(folder: string): ClusterFolder {
  return {
    path: folder,
    data: dataFolderOf(folder),
    socket: undefined,
    user: { name: 'me', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, dropped: false },
    majorVersion: undefined,
    passwordOf: role => `password of ${role}`,
  }
}
