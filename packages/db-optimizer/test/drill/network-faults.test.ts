// Scenes 4 and 5, short: faults of the network.
import t from 'tap'
import { play } from './play.ts'
import { halfOpen, STALL_KINDS } from './scenes/half-open.ts'
import { torn } from './scenes/torn.ts'
import { bankDatabase } from './server.ts'

t.setTimeout(60_000)
const database = await bankDatabase(t)

await t.test('connections are torn at random bytes', t => play(t, database, stage => torn(stage, { tears: 20 })))

await t.test('the network swallows bytes, and goes on', t =>
  play(t, database, stage =>
    halfOpen(
      stage,
      stage.random
        .shuffle(STALL_KINDS)
        .slice(0, 3)
        .map(kind => ({ ...kind, forMs: stage.random.integer(50, 300) })),
    ),
  ),
)
