// Scene 9, short: PgBouncer and the server itself.
import t from 'tap'
import { requireProgram } from '@plimsoll/testing'
import { startPgBouncer } from './pgbouncer.ts'
import { play } from './play.ts'
import { pooledRoute } from './scenes/pooled-route.ts'
import { bankDatabase } from './server.ts'

t.setTimeout(60_000)

await t.test('PgBouncer is killed and started again, while the direct route serves', async t => {
  const program = requireProgram(t, 'pgbouncer')
  if (program === undefined) return
  const database = await bankDatabase(t)
  const pooler = await startPgBouncer(t, program, database.url)
  await play(t, database, stage => pooledRoute(stage, pooler, ['killed']))
})
