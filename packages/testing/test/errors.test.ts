import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { TESTING_ERRORS } from '@plimsoll/testing'

await t.test('the README lists every error code with its sentence', async t => {
  const readme = await readFile(path.join(import.meta.dirname, '..', 'README.md'), 'utf8')
  const rows = [...readme.matchAll(/^\| `(TESTING_ERR_\w+)` +\| (.*?) +\|/gm)].map(([, code, sentence]) => [
    code,
    sentence,
  ])
  t.strictSame(rows, Object.entries(TESTING_ERRORS))
})
