import { mkdir, rename, symlink } from 'node:fs/promises'
import path from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { startLocalPostgres } from '@plimsoll/local-postgres'
import { leakCheck } from '@plimsoll/testing'
import { temporaryFolder } from './temporary-folder.ts'

leakCheck(t)

const outer = await temporaryFolder(t)
const real = path.join(outer, `a "b", 'c'`)

await t.test('blanks, commas and quotes in the path, and a link on the way, change nothing', async t => {
  await mkdir(real)
  await symlink(real, path.join(outer, 'link'))
  const pg = await startLocalPostgres({ folder: path.join(outer, 'link'), durability: 'off' })
  t.teardown(() => pg.stop('immediate'))
  t.equal(pg.folder, real)
  t.match(pg.socketPath, `"b", 'c'/socket/.s.PGSQL.${pg.port}`)
  const url = new URL(pg.url)
  const sql = postgres({
    path: pg.socketPath ?? '',
    username: 'plimsoll',
    password: url.password,
    database: 'plimsoll',
    max: 1,
  })
  t.teardown(() => sql.end({ timeout: 1 }))
  t.equal((await sql`select 1`).length, 1)
})

await t.test(
  'a cluster can be moved; where the path is too long for a Unix socket, the server goes without',
  async t => {
    const folder = path.join(outer, 'long'.repeat(20))
    await rename(real, folder)
    const pg = await startLocalPostgres({ folder, durability: 'off' })
    t.teardown(() => pg.stop('immediate'))
    t.equal(pg.freshlyCreated, false)
    t.equal(pg.socketPath, undefined)
    const sql = postgres(pg.url, { max: 1 })
    t.teardown(() => sql.end({ timeout: 1 }))
    t.equal((await sql`select 1`).length, 1)
  },
)
