// A roll: workers replaced one after the other, and back again when a new program fails.
//
// Rule: a worker that's ready is only replaced while every other one is ready. One that isn't can be replaced at any time, and comes first: it takes
// nothing out of service, and a fleet that's down for a fault in its program is brought back by rolling to a better one.
// With a replacement that starts first, this keeps N - 1 of N ready whatever a single worker does meanwhile.
// A roll to another program has succeeded when every worker runs it and all are ready: the last replacement says nothing about those before it.
import { settledWithin, type Clock } from './clock.ts'
import { DeployFailedError, messageOf, NotRunningError, OthersNotReadyError } from './errors.ts'
import type { Logger } from './options.ts'
import type { WorkerProgram } from './worker-program.ts'
import type { WorkerSlot } from './worker-slot.ts'

/** What a roll needs to see of the fleet. */
export interface RollingFleet {
  readonly clock: Clock
  readonly logger: Logger
  /** Longest wait for the other workers to be ready. */
  readonly waitMs: number
  slots(): readonly WorkerSlot[]
  /** Resolves with the next change of a process's state, or when the fleet is being stopped. */
  changed(): Promise<void>
  /** @throws SUPERVISOR_ERR_NOT_RUNNING when the fleet is being stopped */
  refuseWhenStopping(): void
}

/**
 * Resolves when this worker may be replaced: when it isn't ready, or all others are.
 * @throws SUPERVISOR_ERR_OTHERS_NOT_READY, SUPERVISOR_ERR_NOT_RUNNING
 */
export async function untilReplaceable(fleet: RollingFleet, slot: WorkerSlot): Promise<void> {
  const startMs = fleet.clock.now()
  for (;;) {
    fleet.refuseWhenStopping()
    if (slot.current?.state === 'starting') {
      // It may be ready in a moment, and then the others matter. Bounded by the time limit of a start.
      await fleet.changed()
      continue
    }
    const missing = slot.isReady ? fleet.slots().filter(other => other !== slot && !other.isReady) : []
    if (missing.length === 0) return
    await changedInTime(fleet, slot.worker, missing, startMs)
  }
}

/**
 * Resolves when all workers are ready, those that are starting or wait to be among them.
 * @throws SUPERVISOR_ERR_OTHERS_NOT_READY, SUPERVISOR_ERR_NOT_RUNNING
 */
async function untilAllReady(fleet: RollingFleet): Promise<void> {
  const startMs = fleet.clock.now()
  for (;;) {
    fleet.refuseWhenStopping()
    const missing = fleet.slots().filter(slot => !slot.isReady)
    if (missing.length === 0) return
    await changedInTime(fleet, null, missing, startMs)
  }
}

/** Resolves with the next change, or when the time is over; refuses when it was over before. */
async function changedInTime(
  fleet: RollingFleet,
  replaced: number | null,
  missing: readonly WorkerSlot[],
  startMs: number,
): Promise<void> {
  const leftMs = startMs + fleet.waitMs - fleet.clock.now()
  if (leftMs <= 0) {
    const workers = missing.map(({ worker }) => worker)
    throw new OthersNotReadyError(replaced, workers, fleet.waitMs)
  }
  await settledWithin(fleet.clock, fleet.changed(), leftMs)
}

/**
 * Replaces one worker once it may be.
 * @throws SUPERVISOR_ERR_OTHERS_NOT_READY, SUPERVISOR_ERR_REPLACE_FAILED, SUPERVISOR_ERR_NOT_RUNNING
 */
export async function replaceOne(fleet: RollingFleet, slot: WorkerSlot, program?: WorkerProgram): Promise<void> {
  await untilReplaceable(fleet, slot)
  await slot.replace(program ?? slot.program)
}

/** Replaces these workers one after the other, those that aren't ready first; stops at the first failure. */
export async function replaceEach(
  fleet: RollingFleet,
  slots: readonly WorkerSlot[],
  program?: WorkerProgram,
): Promise<void> {
  const left = new Set(slots)
  for (let next = nextOf(left); next !== undefined; next = nextOf(left)) {
    left.delete(next)
    await replaceOne(fleet, next, program)
  }
}

/**
 * Rolls all workers to another program, and back to the one before when a new generation fails, or not all are ready in the end.
 * @throws SUPERVISOR_ERR_DEPLOY_FAILED, SUPERVISOR_ERR_NOT_RUNNING
 */
export async function rollTo(fleet: RollingFleet, program: WorkerProgram, previous: WorkerProgram): Promise<void> {
  try {
    await replaceEach(fleet, fleet.slots(), program)
    await untilAllReady(fleet)
  } catch (error) {
    if (error instanceof NotRunningError) throw error
    fleet.logger.error({ error: messageOf(error) }, 'The roll to another program failed; its workers are rolled back.')
    const rolledBack: number[] = []
    const stuck: number[] = []
    const changed = new Set(fleet.slots().filter(slot => slot.program !== previous))
    for (let next = nextOf(changed); next !== undefined; next = nextOf(changed)) {
      changed.delete(next)
      try {
        await replaceOne(fleet, next, previous)
        rolledBack.push(next.worker)
      } catch (backError) {
        if (backError instanceof NotRunningError) throw backError
        const { worker } = next
        fleet.logger.error({ worker, error: messageOf(backError) }, `Worker ${worker} could not be rolled back.`)
        stuck.push(worker)
      }
    }
    throw new DeployFailedError(error, rolledBack, stuck)
  }
}

function nextOf(slots: ReadonlySet<WorkerSlot>): WorkerSlot | undefined {
  const ordered = [...slots]
  return ordered.find(slot => !slot.isReady) ?? ordered[0]
}
