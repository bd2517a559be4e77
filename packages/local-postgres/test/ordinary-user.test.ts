// The same as an ordinary user. Run by root, it starts programs as "nobody"; run by an ordinary user, the other files show it already.
import path from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { startLocalPostgres } from '@plimsoll/local-postgres'
import { leakCheck, spawnProgram } from '@plimsoll/testing'
import { asOrdinaryUser, isRoot, NOBODY, whyNotAsOrdinaryUser } from './nobody.ts'
import { temporaryFolder } from './temporary-folder.ts'

const skip = isRoot ? await whyNotAsOrdinaryUser() : 'needs root to become somebody else'

leakCheck(t)

interface Outcome {
  readonly started: { readonly url: string; readonly freshlyCreated: boolean; readonly serverUser: string }
}

await t.test(
  'an ordinary user runs the server as themselves, root goes on with that cluster as that user, and so does the user afterwards',
  { skip },
  async t => {
    const folder = await temporaryFolder(t, { uid: NOBODY })
    const start = async (folder: string): Promise<Outcome> => {
      const program = await spawnProgram(
        t,
        [
          'node',
          path.join(import.meta.dirname, 'programs', 'starter.ts'),
          JSON.stringify({ folder, durability: 'off' }),
        ],
        asOrdinaryUser,
      )
      const outcome = JSON.parse(await program.line('{"started"', { timeoutMs: 20_000 })) as Outcome
      t.strictSame(await program.stop(), { code: 0, signal: null }, program.stderr)
      return outcome
    }
    const first = await start(folder)
    t.match(first, { started: { freshlyCreated: true } })
    const pg = await startLocalPostgres({ folder, durability: 'off' })
    t.teardown(() => pg.stop())
    t.equal(pg.freshlyCreated, false)
    t.equal(pg.serverUser, first.started.serverUser, 'the owner of the data runs it, also when root starts it')
    const sql = postgres(pg.url, { max: 1 })
    await sql`select 1`
    await sql.end()
    await pg.stop()
    t.match(await start(folder), { started: { freshlyCreated: false } }, 'and the ordinary user can go on afterwards')
  },
)
