import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { LOCAL_POSTGRES_ERRORS } from '@plimsoll/local-postgres'
import { diskFull, meansDiskFull } from '../src/errors.ts'

await t.test('the README lists every error code with its sentence', async t => {
  const readme = await readFile(path.join(import.meta.dirname, '..', 'README.md'), 'utf8')
  const rows = [...readme.matchAll(/^\| `(LOCAL_POSTGRES_ERR_\w+)` +\| (.*?) +\|/gm)].map(([, code, sentence]) => [
    code,
    sentence,
  ])
  t.strictSame(rows, Object.entries(LOCAL_POSTGRES_ERRORS))
})

await t.test('a full disk is recognised in errors of the system and in what PostgreSQL prints', t => {
  t.equal(meansDiskFull(Object.assign(new Error('write'), { code: 'ENOSPC' })), true)
  t.equal(meansDiskFull(Object.assign(new Error('write'), { code: 'EDQUOT' })), true)
  t.equal(meansDiskFull('FATAL:  could not extend file "base/5/1259": No space left on device'), true)
  t.equal(meansDiskFull(new Error('No space left on device')), false, 'an error is judged by its code')
  t.equal(meansDiskFull('FATAL:  password authentication failed'), false)
  t.match(diskFull('/data', undefined), {
    code: 'LOCAL_POSTGRES_ERR_DISK_FULL',
    message: /holds \/data is full.*PLIMSOLL_DATA/,
  })
  t.end()
})
