// Scenes 1 to 3, short: faults of the server itself, on a server of their own.
import t from 'tap'
import { play } from '../drill/play.ts'
import { crashedCommit } from '../drill/scenes/crashed-commit.ts'
import { restarted } from '../drill/scenes/restarted.ts'
import { terminated } from '../drill/scenes/terminated.ts'
import { ownServer } from '../drill/server.ts'

t.setTimeout(60_000)
const server = await ownServer(t)

await t.test('backends are terminated at every point of a transaction', t =>
  play(t, server.database, stage => terminated(stage, { randomMs: 300, bothWays: false, hasStandbys: true })),
)

await t.test('the server is stopped, and crashes, and comes back', async t => {
  // How fast it was is judged by the long form, on a machine of its own.
  await play(t, server.database, stage => restarted(stage, server, ['fast', 'immediate']))
})

await t.test('the server crashes while a COMMIT waits, and gives its id away again', t =>
  play(t, server.database, stage => crashedCommit(stage, server)),
)
