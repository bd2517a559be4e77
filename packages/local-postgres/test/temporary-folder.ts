// Folders for the tests of this package: outside the checkout, since that may lie where the server's user can't go, and with the modes a test asks for.
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestScope } from '@plimsoll/testing'

/** A folder that's removed with the test; everybody may pass it, unless `mode` says other. */
export async function temporaryFolder(
  t: Pick<TestScope, 'teardown'>,
  options: { readonly mode?: number; readonly uid?: number } = {},
): Promise<string> {
  const outer = await mkdtemp(path.join(tmpdir(), 'plimsoll-local-'))
  t.teardown(() => rm(outer, { recursive: true, force: true }))
  await chmod(outer, 0o755)
  const folder = path.join(outer, 'folder')
  await mkdir(folder)
  await chmod(folder, options.mode ?? 0o755)
  if (options.uid !== undefined) await chown(folder, options.uid, options.uid)
  return folder
}
