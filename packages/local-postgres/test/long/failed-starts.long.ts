// Starts that can't succeed: each fails with its code and a remedy, and leaves nothing running.
import { chmod, chown, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { canServerReach, startLocalPostgres, type LocalPostgresErrorCode } from '@plimsoll/local-postgres'
import { leakCheck, spawnProgram } from '@plimsoll/testing'
import { asOrdinaryUser, isRoot, NOBODY, whyNotAsOrdinaryUser } from '../nobody.ts'
import { temporaryFolder } from '../temporary-folder.ts'

leakCheck(t)

const notAsOrdinaryUser = await whyNotAsOrdinaryUser()

// One good cluster, for what fails only after initdb.
const good = await temporaryFolder(t)
await (await startLocalPostgres({ folder: good, durability: 'off' })).stop('immediate')

const failure = (code: LocalPostgresErrorCode, message: RegExp): { name: string; code: string; message: RegExp } => ({
  name: 'LocalPostgresError',
  code,
  message,
})

await t.test('a setting that PostgreSQL does not take: the log says why', async t => {
  await t.rejects(
    startLocalPostgres({ folder: good, durability: 'off', settings: { work_mem: 'plenty' } }),
    failure('LOCAL_POSTGRES_ERR_START_FAILED', /exit code 1[\s\S]*invalid value for parameter "work_mem": "plenty"/),
  )
})

await t.test('a start that takes longer than it may is stopped', async t => {
  await t.rejects(
    startLocalPostgres({ folder: good, durability: 'off', startTimeoutMs: 1 }),
    failure('LOCAL_POSTGRES_ERR_START_FAILED', /wasn't ready after 1 ms/),
  )
  const pg = await startLocalPostgres({ folder: good, durability: 'off' })
  await pg.stop()
})

await t.test('a cluster of another major version is left alone', async t => {
  const folder = await temporaryFolder(t)
  await mkdir(path.join(folder, 'data'))
  if (isRoot) await chown(path.join(folder, 'data'), NOBODY, NOBODY)
  await writeFile(path.join(folder, 'data', 'PG_VERSION'), '15\n')
  await writeFile(path.join(folder, 'secret'), 'x'.repeat(43))
  await t.rejects(
    startLocalPostgres({ folder }),
    failure('LOCAL_POSTGRES_ERR_VERSION_MISMATCH', /made by PostgreSQL 15.*PostgreSQL 18/),
  )
  t.strictSame(await readdir(path.join(folder, 'data')), ['PG_VERSION'])
})

await t.test('a cluster whose secret is gone can not be used, and says so', async t => {
  const folder = await temporaryFolder(t)
  await mkdir(path.join(folder, 'data'))
  if (isRoot) await chown(path.join(folder, 'data'), NOBODY, NOBODY)
  await writeFile(path.join(folder, 'data', 'PG_VERSION'), '18\n')
  await t.rejects(
    startLocalPostgres({ folder }),
    failure('LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE', /"secret" with its passwords is gone/),
  )
  await writeFile(path.join(folder, 'secret'), 'short')
  await t.rejects(startLocalPostgres({ folder }), failure('LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE', /holds no secret/))
})

await t.test('a folder named data that holds something else is left alone', async t => {
  const folder = await temporaryFolder(t)
  await mkdir(path.join(folder, 'data', 'thesis'), { recursive: true })
  if (isRoot) await chown(path.join(folder, 'data'), NOBODY, NOBODY)
  await t.rejects(
    startLocalPostgres({ folder }),
    failure('LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE', /holds no PostgreSQL cluster/),
  )
  t.strictSame(await readdir(path.join(folder, 'data')), ['thesis'])
})

await t.test('a file in the place of the folder', async t => {
  const file = path.join(await temporaryFolder(t), 'file')
  await writeFile(file, '')
  await t.rejects(startLocalPostgres({ folder: file }), failure('LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE', /PLIMSOLL_DATA/))
  await t.rejects(
    startLocalPostgres({ folder: path.join(file, 'below') }),
    failure('LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE', /ENOTDIR/),
  )
})

await t.test(
  'as root: a folder below a closed one names the closed one, and is not opened',
  { skip: !isRoot },
  async t => {
    const closed = await temporaryFolder(t, { mode: 0o700 })
    await writeFile(path.join(closed, 'private'), '')
    const folder = path.join(closed, 'below', 'it')
    t.equal(await canServerReach(folder), false)
    t.equal(await canServerReach(closed), false)
    t.equal(await canServerReach(good), true)
    t.equal(await canServerReach(path.join(good, 'not', 'yet')), true)
    t.equal(await canServerReach(await temporaryFolder(t, { mode: 0o700 })), true, 'an empty one is opened')
    await t.rejects(
      startLocalPostgres({ folder }),
      failure(
        'LOCAL_POSTGRES_ERR_UNREACHABLE_FOLDER',
        new RegExp(`${closed} is closed to others \\(mode 0700\\).*PLIMSOLL_DATA`),
      ),
    )
    await t.rejects(
      startLocalPostgres({ folder: closed }),
      failure('LOCAL_POSTGRES_ERR_UNREACHABLE_FOLDER', /closed to others/),
      'holding other things',
    )
  },
)

await t.test('as root: a cluster that belongs to root', { skip: !isRoot }, async t => {
  const folder = await temporaryFolder(t)
  await mkdir(path.join(folder, 'data'))
  await t.rejects(
    startLocalPostgres({ folder }),
    failure('LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE', /belongs to root.*chown/),
  )
})

await t.test(
  'as an ordinary user: folders that can not be read or written, and a cluster of somebody else',
  { skip: notAsOrdinaryUser },
  async t => {
    const closed = await temporaryFolder(t, { mode: 0o000 })
    t.teardown(() => chmod(closed, 0o700))
    const readOnly = await temporaryFolder(t, { mode: 0o555 })
    const foreign = await temporaryFolder(t, { mode: 0o777 })
    const cases: [folder: string, message: RegExp][] = [
      [closed, /EACCES/],
      [path.join(closed, 'below'), /EACCES/],
      [readOnly, /EACCES/],
    ]
    if (isRoot) {
      await mkdir(path.join(foreign, 'data'))
      await chown(path.join(foreign, 'data'), 1, 1)
      cases.push([foreign, /belongs to .*, and you are nobody.*PLIMSOLL_DATA/])
    }
    for (const [folder, message] of cases) {
      const program = await spawnProgram(
        t,
        ['node', path.join(import.meta.dirname, '../programs', 'starter.ts'), JSON.stringify({ folder })],
        asOrdinaryUser,
      )
      await program.exited
      t.match(JSON.parse(program.stdout), { failed: { code: 'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE', message } }, folder)
    }
  },
)

await t.test('what first starts that were killed left behind is removed by the next', async t => {
  // No process has an id this high: Linux allows 4 194 304.
  const remains = [`data.new-9999999-0a`, `data.new-9999999-0a.password`, `secret.new-9999999-0b`]
  for (const name of remains) await mkdir(path.join(good, name))
  await mkdir(path.join(good, `data.new-${process.pid}-0c`))
  await (await startLocalPostgres({ folder: good, durability: 'off' })).stop()
  const names = await readdir(good)
  t.notOk(names.some(name => name.includes('9999999')))
  t.ok(names.includes(`data.new-${process.pid}-0c`), 'but not what a living process makes')
  await rm(path.join(good, `data.new-${process.pid}-0c`), { recursive: true })
})
