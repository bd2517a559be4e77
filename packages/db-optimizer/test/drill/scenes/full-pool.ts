// Scene 6: ten connections, two hundred transfers at once, each of which takes its time. Those who may wait do, for as long as they may and no longer.
import { setTimeout as sleep } from 'node:timers/promises'
import { PRIORITIES } from '../../../src/index.ts'
import type { Told } from '../bank.ts'
import { PATIENT, type DrillDatabase, type Stage } from '../stage.ts'

const TRANSFERS = 200
const CONNECTIONS = 10
const MAX_QUEUE = 150
/** Whom the queue had no place for. */
const LEFT_OUT = TRANSFERS - CONNECTIONS - MAX_QUEUE
const ACQUIRE_TIMEOUT_MS = 300
const TIMER_GRAIN_MS = 50
/** Of each transfer, on the server: with ten connections about half of those who wait are served in time. */
const WORK_S = 0.025

export async function fullPool(stage: Stage, rounds: number): Promise<void> {
  const database = stage.database({
    ...PATIENT,
    minConnections: CONNECTIONS,
    maxConnections: CONNECTIONS,
    maxQueue: MAX_QUEUE,
    acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
  })
  await database.warmUp()
  for (let round = 1; round <= rounds; round++) {
    const begun = Array.from({ length: TRANSFERS }, () =>
      stage.bank.begin(database, {
        options: { priority: stage.random.pick(PRIORITIES), timeoutMs: PATIENT.commandTimeoutMs },
        during: async (step, tx) => {
          if (step === 'begun') await tx`select pg_sleep(${WORK_S})`
        },
      }),
    )
    const { waiting } = database.statistics().pool
    if (waiting !== MAX_QUEUE) stage.miss(`${waiting} wait, not ${MAX_QUEUE}`)
    await stage.settled([...begun.map(({ settled }) => settled), judgeWaiters(stage, database)])
    judgeTold(
      stage,
      begun.map(({ record }) => record.told),
      round,
    )
  }
  const { busy, waiting } = database.statistics().pool
  if (busy > 0 || waiting > 0) stage.miss(`afterwards ${busy} connections are busy and ${waiting} callers wait`)
}

/**
 * A timer that's set after those of the waiters, and is due later by more than the grain of a timer that they may share, fires behind them, however slow the
 * machine is: both are late by the same.
 */
async function judgeWaiters(stage: Stage, database: DrillDatabase): Promise<void> {
  await sleep(ACQUIRE_TIMEOUT_MS + TIMER_GRAIN_MS)
  const { waiting } = database.statistics().pool
  if (waiting > 0) stage.miss(`${waiting} wait past their time`)
}

function judgeTold(stage: Stage, tolds: readonly Told[], round: number): void {
  const served = tolds.filter(({ kind }) => kind === 'committed').length
  const waitsMs: number[] = []
  for (const told of tolds) {
    if (told.kind !== 'failed') continue
    if (told.code === 'DB_ERR_POOL_BUSY' && told.waitedMs !== undefined) waitsMs.push(told.waitedMs)
    else stage.miss(`told ${told.code} with a wait of ${told.waitedMs} ms by a full pool`)
  }
  if (served < CONNECTIONS) stage.miss(`only ${served} were served, though ${CONNECTIONS} connections were free`)
  if (waitsMs.length < LEFT_OUT) stage.miss(`only ${waitsMs.length} were refused, of ${LEFT_OUT} without a place`)
  const atOnce = waitsMs.filter(ms => ms < ACQUIRE_TIMEOUT_MS / 2).length
  stage.figure(
    `round ${round}: ${served} served, ${atOnce} refused at once, ${waitsMs.length - atOnce} after ${Math.round(Math.max(0, ...waitsMs))} ms at most`,
  )
}
