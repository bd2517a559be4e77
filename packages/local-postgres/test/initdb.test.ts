import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { leakCheck, until } from '@plimsoll/testing'
import { createCluster } from '../src/initdb.ts'
import { clusterFolder, fakeProgram } from './fake-program.ts'
import { temporaryFolder } from './temporary-folder.ts'

leakCheck(t)

await t.test('a failed initdb shows its output, and leaves nothing behind', async t => {
  const outputs: [script: string, code: string, message: RegExp][] = [
    ['echo "initdb: error: oh dear"; exit 1', 'LOCAL_POSTGRES_ERR_INITDB_FAILED', /oh dear/],
    ['echo "could not write: No space left on device"; exit 1', 'LOCAL_POSTGRES_ERR_DISK_FULL', /is full/],
    [
      'echo "could not look up effective user ID 7: user does not exist"; exit 1',
      'LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER',
      /no entry in \/etc\/passwd/,
    ],
  ]
  for (const [script, code, message] of outputs) {
    const folder = await temporaryFolder(t)
    const initdb = await fakeProgram(folder, script)
    await t.rejects(createCluster(clusterFolder(folder), { initdb, sync: false, signal: undefined }), { code, message })
    t.strictSame(await readdir(folder), ['program'])
  }
  const folder = await temporaryFolder(t)
  await t.rejects(
    createCluster(clusterFolder(folder), { initdb: path.join(folder, 'missing'), sync: false, signal: undefined }),
    {
      code: 'LOCAL_POSTGRES_ERR_INITDB_FAILED',
      message: /ENOENT/,
    },
  )
})

await t.test('the password goes by a file, not by the command line, and sync is as asked', async t => {
  const folder = await temporaryFolder(t)
  const initdb = await fakeProgram(
    folder,
    `for word; do case "$word" in --pwfile=*) password=$(cat "\${word#--pwfile=}");; --pgdata=*) data="\${word#--pgdata=}";; esac; done
    echo "$password|$*" > "$data/seen"`,
  )
  t.equal(await createCluster(clusterFolder(folder), { initdb, sync: true, signal: undefined }), true)
  t.strictSame((await readdir(folder)).toSorted(), ['data', 'program'])

  const seen = await readFile(path.join(folder, 'data', 'seen'), 'utf8')
  t.match(seen, /^password of postgres\|/)
  t.notMatch(seen.split('|')[1], /password of|--no-sync/)
})

await t.test('an abort ends initdb', async t => {
  const folder = await temporaryFolder(t)
  const abort = new AbortController()
  const initdb = await fakeProgram(folder, `touch "${folder}/begun"; exec sleep 60`)
  const creating = t.rejects(createCluster(clusterFolder(folder), { initdb, sync: false, signal: abort.signal }), {
    message: 'enough',
  })
  await until(async () => (await readdir(folder)).includes('begun'), { what: 'initdb to begin' })
  abort.abort(new Error('enough'))
  await creating
  t.strictSame((await readdir(folder)).toSorted(), ['begun', 'program'])
})
