// The file with the keys for access tokens, read again when it changes: keys are exchanged without a restart.
//
// Looked at by its time and size, not by events of the file system: those are told of the directory entry that was there at the start, and secrets that are mounted are
// exchanged by a link that then leads to another directory. A file that can't be used leaves the keys as they are; that's an error in the log, each time it changes.
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Logger } from '@plimsoll/telemetry'
import { SetupError } from '../errors.ts'
import { readKeyring, type Keyring } from './keyring.ts'

/** How often it's looked at. */
const INTERVAL_MS = 1000

/** What's wrong with keys that could be used, in words; empty: nothing. */
export type RefuseKeys = (keyring: Keyring) => readonly string[]

/** @throws API_ERR_SIGNING_KEYS */
export function readKeysFile(path: string, refuse?: RefuseKeys): Keyring {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    throw new SetupError(
      'API_ERR_SIGNING_KEYS',
      `The file with the keys for access tokens (auth.keysFile) can't be read: ${code}. Name one that this user may read.`,
      error,
    )
  }
  const keyring = readKeyring(text)
  const [problem] = refuse?.(keyring) ?? []
  if (problem !== undefined)
    throw new SetupError(
      'API_ERR_SIGNING_KEYS',
      `The file with the keys for access tokens (auth.keysFile) can't be used: ${problem}.`,
    )
  return keyring
}

/** @returns ends it */
export function watchKeysFile(
  path: string,
  { refuse, onKeys, logger }: { refuse: RefuseKeys | undefined; onKeys: (keyring: Keyring) => void; logger: Logger },
): () => void {
  const look = (): void => {
    try {
      const keyring = readKeysFile(path, refuse)
      onKeys(keyring)
      logger.info({ keys: [...keyring.keys.keys()], sign: keyring.sign }, 'keys for access tokens replaced')
    } catch (error) {
      logger.error({ err: error }, 'keys for access tokens not replaced; those from before stay in force')
    }
  }
  watchFile(path, { interval: INTERVAL_MS, persistent: false }, look)
  return () => unwatchFile(path, look)
}
