// The whole fault drill, all scenes in turn with fresh seeds, until the time is over; each at least once. It wants the machine for itself.
//
//   node test/long/drill.long.ts [SECONDS, at least one round] [SEED] [SCENE, a part of its name]
//
// What must never happen fails it at once. How soon a client is served after the server's return depends on the machine too: a round that takes longer than
// promised is driven once more, and has to keep the promise then.
import { requireProgram, SeededRandom } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { startPgBouncer } from '../drill/pgbouncer.ts'
import { play } from '../drill/play.ts'
import { cancels } from '../drill/scenes/cancels.ts'
import { conflicts } from '../drill/scenes/conflicts.ts'
import { crashedCommit } from '../drill/scenes/crashed-commit.ts'
import { fullPool } from '../drill/scenes/full-pool.ts'
import { halfOpen, STALL_KINDS } from '../drill/scenes/half-open.ts'
import { pooledRoute } from '../drill/scenes/pooled-route.ts'
import { restarted } from '../drill/scenes/restarted.ts'
import { terminated } from '../drill/scenes/terminated.ts'
import { torn } from '../drill/scenes/torn.ts'
import { ownServer, type StopMode } from '../drill/server.ts'

const [, , seconds = '100', seed = String(Date.now() >>> 0), wanted = ''] = process.argv
/** From the first answer to a plain connection until the first commit. */
const RECOVERY_LIMIT_MS = 2000
const STALL_MS = [30, 1500] as const

t.setTimeout(0)
t.comment(`seed ${seed}, ${seconds} s`)
const random = new SeededRandom(Number(seed))
const server = await ownServer(t)
const { database } = server

async function recover(t: Test, seed: number): Promise<readonly number[]> {
  const stops = random.shuffle<StopMode>(['fast', 'fast', 'immediate', 'immediate', 'immediate'])
  return play(t, { ...database, seed }, stage => restarted(stage, server, stops))
}

interface LongScene {
  readonly name: string
  readonly play: (t: Test, seed: number) => Promise<unknown>
}

const SCENES: readonly LongScene[] = [
  {
    name: 'backends terminated',
    play: (t, seed) =>
      play(t, { ...database, seed }, stage => terminated(stage, { randomMs: 6000, bothWays: true, hasStandbys: true })),
  },
  {
    name: 'server stopped and started',
    async play(t, seed) {
      const late = (recoveries: readonly number[]): boolean => recoveries.some(ms => ms > RECOVERY_LIMIT_MS)
      if (!late(await recover(t, seed))) return
      t.comment('driven once more')
      const recoveries = await recover(t, (seed + 1) >>> 0)
      t.notOk(late(recoveries), `served within ${RECOVERY_LIMIT_MS} ms: ${recoveries.map(Math.round).join(', ')}`)
    },
  },
  {
    name: 'server crashed while a COMMIT waits',
    play: (t, seed) => play(t, { ...database, seed }, stage => crashedCommit(stage, server)),
  },
  {
    name: 'connections torn',
    play: (t, seed) => play(t, { ...database, seed }, stage => torn(stage, { tears: 400 })),
  },
  {
    name: 'network half open',
    play: (t, seed) =>
      play(t, { ...database, seed }, stage =>
        halfOpen(
          stage,
          stage.random
            .shuffle([...STALL_KINDS, ...STALL_KINDS])
            .map(kind => ({ ...kind, forMs: stage.random.integer(...STALL_MS) })),
        ),
      ),
  },
  { name: 'pool full', play: (t, seed) => play(t, { ...database, seed }, stage => fullPool(stage, 5)) },
  {
    name: 'serializable conflicts',
    play: (t, seed) => play(t, { ...database, seed, accounts: 20 }, stage => conflicts(stage, 5)),
  },
  {
    name: 'statements cancelled',
    play: (t, seed) => play(t, { ...database, seed }, stage => cancels(stage, { statements: 3000 })),
  },
  {
    name: 'PgBouncer killed and frozen',
    async play(t, seed) {
      const program = requireProgram(t, 'pgbouncer')
      if (program === undefined) return
      const pooler = await startPgBouncer(t, program, database.url)
      await play(t, { ...database, seed }, stage =>
        pooledRoute(stage, pooler, ['killed', 'frozen', 'killed', 'frozen']),
      )
    },
  },
]

const endsAtMs = performance.now() + Number(seconds) * 1000
for (let round = 1; round === 1 || performance.now() < endsAtMs; round++) {
  for (const scene of SCENES.filter(({ name }) => name.includes(wanted))) {
    if (round > 1 && performance.now() >= endsAtMs) break
    const sceneSeed = random.integer(0, 2 ** 32 - 1)
    await t.test(`${scene.name}, round ${round}, seed ${sceneSeed}`, t => scene.play(t, sceneSeed))
  }
}
