// Scene 3: the server crashes while a COMMIT waits, its id known to the client and its records in nobody's files. After the crash the id is given away again, and
// `pg_xact_status` tells the fate of another transaction.
import { until } from '@plimsoll/testing'
import type { OwnServer } from '../server.ts'
import { PATIENT, type Stage } from '../stage.ts'
import { toldLabel } from '../verdict.ts'

/** Longer than everything else here. */
const LONG_S = 60
/** Committed after the crash: one of them gets the id. */
const SUCCESSORS = 30

export async function crashedCommit(stage: Stage, server: OwnServer): Promise<void> {
  // Without retries: what's told is of the first attempt.
  const { record, settled } = stage.bank.begin(stage.database({ ...PATIENT, minConnections: 0 }), {
    options: { timeoutMs: PATIENT.commandTimeoutMs },
    during: async (step, tx) => {
      if (step === 'before commit') await tx`insert into slow_commits values (${LONG_S})`
    },
  })
  const waits = async (): Promise<boolean> => {
    const found = await stage.sql`
      select from pg_stat_activity where state = 'active' and query = 'commit' and wait_event = 'PgSleep'`
    return found.length > 0
  }
  await until(waits, { what: 'the COMMIT to wait' })
  await server.stop('immediate')
  await server.start()
  const successors = stage.database(PATIENT)
  await stage.settled(Array.from({ length: SUCCESSORS }, () => stage.bank.begin(successors).settled))
  await stage.settled([settled])
  stage.figure(`the transfer whose COMMIT waited was told ${toldLabel(record.told)}`)
}
