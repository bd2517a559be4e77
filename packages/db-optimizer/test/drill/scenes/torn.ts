// Scene 4: connections torn after a random number of bytes, mostly of answers: in the middle of the log-in, of a message, of a row.
import { until, type SeededRandom } from '@plimsoll/testing'
import type { Stage } from '../stage.ts'
import type { Fate } from '../wire.ts'

/** Where the log-in ends, roughly, and the first answer of a connection (the server's array types). */
const LOG_IN_BYTES = 600
const FIRST_ANSWER_BYTES = 12_000
const LATER_BYTES = 4000
const REQUEST_BYTES = 4000

export async function torn(stage: Stage, { tears }: { readonly tears: number }): Promise<void> {
  const wire = await stage.wire()
  wire.tears = fate
  const load = stage.load(stage.database({ url: wire.url }), {
    clients: 16,
    options: () => ({ retries: stage.random.integer(0, 2) }),
  })
  await until(() => wire.torn >= tears, { what: `${tears} tears`, timeoutMs: 60_000 }).catch((error: unknown) => {
    stage.miss(String(error))
  })
  wire.tears = undefined
  stage.figure(`${wire.torn} connections torn`)
  await stage.untilServed(load, 'after all tears')
}

function fate(random: SeededRandom): Fate {
  const by = random.pick(['reset', 'end'] as const)
  const where = random.next()
  if (where < 0.05) return 'at once'
  if (where < 0.15) return { direction: 'requests', afterBytes: random.integer(1, REQUEST_BYTES), by }
  const afterBytes =
    where < 0.25
      ? random.integer(0, LOG_IN_BYTES)
      : where < 0.35
        ? random.integer(LOG_IN_BYTES, FIRST_ANSWER_BYTES)
        : random.integer(FIRST_ANSWER_BYTES, FIRST_ANSWER_BYTES + LATER_BYTES)
  return { direction: 'answers', afterBytes, by }
}
