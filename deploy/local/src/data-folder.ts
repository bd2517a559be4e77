// Where the stack keeps its data, and that it can.
//
// Layout: postgres/ (the embedded server's), logs/, admin-token, token-keys.json, database-url. Sockets live in a short folder below the system's
// temporary one, because the path of a Unix socket has at most 107 bytes.
import { createHash, randomBytes } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { LocalError } from './errors.ts'

export interface DataFolder {
  readonly path: string
  readonly postgres: string
  readonly logs: string
  readonly run: string
  /** Kept over restarts, readable by the owner only. */
  readonly adminToken: string
  /** File of the keys for access tokens, likewise: who is signed in stays so over a restart. */
  readonly tokenKeysFile: string
  readonly databaseUrlFile: string
}

/** The folder that's used when none is given. Root's embedded PostgreSQL runs as another user, who can't pass a closed home. */
export function defaultDataFolder(checkout: string, isRoot: boolean): string {
  if (isRoot && !othersCanPass(checkout)) return path.join('/var/lib/plimsoll', shortHash(checkout))
  return path.join(checkout, '.plimsoll')
}

/** @throws LocalError LOCAL_ERR_DATA_FOLDER */
export function openDataFolder(folder: string, temporary: string, uid: number): DataFolder {
  try {
    makeFolders(path.join(folder, 'logs'))
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    const run = path.join(temporary, `plimsoll-${uid}-${shortHash(folder)}`)
    if (!existsSync(run)) mkdirSync(run, { mode: 0o700 })
    if (statSync(run).uid !== uid) throw new Error(`${run} belongs to another user`)
    return {
      path: folder,
      postgres: path.join(folder, 'postgres'),
      logs: path.join(folder, 'logs'),
      run,
      adminToken: kept(path.join(folder, 'admin-token'), () => randomBytes(24).toString('base64url')),
      tokenKeysFile: tokenKeysFile(path.join(folder, 'token-keys.json')),
      databaseUrlFile: path.join(folder, 'database-url'),
    }
  } catch (cause) {
    throw new LocalError(
      'LOCAL_ERR_DATA_FOLDER',
      `The data folder ${folder} can't be used (${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}). Make it readable and writable for this user, or name another: PLIMSOLL_DATA=/some/folder npm start`,
      { cause },
    )
  }
}

/** One by one: Node's recursive mkdir never comes back where the system says ENOENT for a folder that exists, as below /proc. */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return
  makeFolders(path.dirname(folder))
  mkdirSync(folder)
}

function tokenKeysFile(file: string): string {
  kept(file, () => JSON.stringify({ sign: 'local', keys: { local: randomBytes(32).toString('base64url') } }))
  return file
}

/** The text of a file, which is made when it isn't there. */
function kept(file: string, make: () => string): string {
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (text !== '') return text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const text = make()
  writeFileSync(file, `${text}\n`, { mode: 0o600 })
  return text
}

function othersCanPass(folder: string): boolean {
  for (let at = folder; ; at = path.dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === path.dirname(at)) return true
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
