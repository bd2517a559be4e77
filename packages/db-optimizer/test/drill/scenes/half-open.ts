// Scene 5: the network swallows all bytes in one direction or both, without telling anybody, and later goes on.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stage } from '../stage.ts'
import type { Direction, StallMode } from '../wire.ts'

export interface Stall {
  readonly mode: StallMode
  readonly directions: readonly Direction[]
  readonly forMs: number
}

/** Every mode with every choice of directions. */
export const STALL_KINDS: readonly Omit<Stall, 'forMs'>[] = (['held', 'lost'] as const).flatMap(mode =>
  [['requests'], ['answers'], ['requests', 'answers']].map(directions => ({
    mode,
    directions: directions as Direction[],
  })),
)

/** Deadlines of which one or two fit into a stall. */
const OPTIONS = {
  connectTimeoutMs: 400,
  commandTimeoutMs: 100,
  acquireTimeoutMs: 800,
  cancelGraceMs: 100,
  idleInTransactionTimeoutMs: 400,
} as const

export async function halfOpen(stage: Stage, stalls: readonly Stall[]): Promise<void> {
  const wire = await stage.wire()
  const load = stage.load(stage.database({ url: wire.url, ...OPTIONS }), {
    clients: 16,
    options: () => ({ retries: stage.random.integer(0, 2), timeoutMs: stage.random.integer(300, 1500) }),
  })
  for (const { mode, directions, forMs } of stalls) {
    await stage.untilServed(load, 'before a stall')
    wire.stall(mode, directions)
    await sleep(forMs)
    wire.goOn()
    await stage.untilServed(load, `after ${directions.join(' and ')} were ${mode} for ${forMs} ms`)
  }
  stage.figure(`${stalls.length} stalls`)
}
