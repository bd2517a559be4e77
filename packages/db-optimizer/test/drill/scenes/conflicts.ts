// Scene 7: two hundred transfers at once between few accounts, serializable, repeated on conflict.
import { PATIENT, type Stage } from '../stage.ts'

const TRANSFERS = 200
const RETRIES = 5
/** What a caller may be told who isn't served: its tries or the retry budget were used up. */
const ALLOWED: ReadonlySet<string> = new Set(['DB_ERR_CONFLICT'])

export async function conflicts(stage: Stage, rounds: number): Promise<void> {
  const database = stage.database(PATIENT)
  for (let round = 0; round < rounds; round++) {
    const meeting = new Meeting()
    const begun = Array.from({ length: TRANSFERS }, (_, i) =>
      stage.bank.begin(database, {
        options: { isolation: 'serializable', retries: RETRIES, timeoutMs: PATIENT.commandTimeoutMs },
        // The first two have both read before either writes the same rows: one of them has to fail.
        during: async (step, tx, { attempts }) => {
          if (step !== 'begun' || attempts > 1 || i > 1) return
          await tx`select sum(balance) from accounts`
          await meeting.arrive()
        },
      }),
    )
    await stage.settled(begun.map(({ settled }) => settled))
    const records = begun.map(({ record }) => record)
    for (const { told } of records) {
      if (told.kind === 'failed' && !ALLOWED.has(told.code)) stage.miss(`told ${told.code}`)
    }
    const repeated = records.filter(({ told, attempts }) => told.kind === 'committed' && attempts > 1).length
    if (repeated === 0) stage.miss('no conflict was repeated with success')
    const attempts = records.reduce((sum, record) => sum + record.attempts, 0)
    stage.figure(`round ${round + 1}: ${attempts} attempts`)
  }
}

/** Two wait for each other. */
class Meeting {
  readonly #both = Promise.withResolvers<void>()
  #arrived = 0

  arrive(): Promise<void> {
    if (++this.#arrived === 2) this.#both.resolve()
    return this.#both.promise
  }
}
