// Scenes 6 to 8, short: too many callers, callers in each other's way, and callers who change their minds.
import t from 'tap'
import { play } from './play.ts'
import { cancels } from './scenes/cancels.ts'
import { conflicts } from './scenes/conflicts.ts'
import { fullPool } from './scenes/full-pool.ts'
import { bankDatabase } from './server.ts'

t.setTimeout(60_000)
const database = await bankDatabase(t)

await t.test('200 transfers at once on 10 connections', t => play(t, database, stage => fullPool(stage, 1)))

await t.test('200 serializable transfers at once', t =>
  play(t, { ...database, accounts: 20 }, stage => conflicts(stage, 1)),
)

await t.test('statements are stopped at random moments', t =>
  play(t, database, stage => cancels(stage, { statements: 150 })),
)
