// Scene 8: signals, `cancel()` and deadlines at random moments into a mix of statements. Nothing fails but what was to be stopped, and every answer is the one
// to its own question.
import { setTimeout as sleep } from 'node:timers/promises'
import { DbError, type Database } from '../../../src/index.ts'
import { PATIENT, type Stage } from '../stage.ts'

type StoppedBy = 'nobody' | 'signal' | 'deadline' | 'cancel'

const CLIENTS = 16
const STOPPED_BY: readonly StoppedBy[] = ['nobody', 'nobody', 'signal', 'deadline', 'cancel']
const ROWS = 300
/** When it's stopped, and how long slow ones take, in milliseconds. */
const MOMENT_MS = [0, 40] as const
/** A deadline may pass while it waits for a connection. */
const TOLD_BY: Readonly<Record<StoppedBy, readonly string[]>> = {
  nobody: [],
  signal: ['DB_ERR_ABORTED'],
  cancel: ['DB_ERR_ABORTED'],
  deadline: ['DB_ERR_TIMEOUT', 'DB_ERR_POOL_BUSY'],
}

export async function cancels(stage: Stage, { statements }: { readonly statements: number }): Promise<void> {
  // Patient but for the deadlines of the statements: a cancel that the server takes its time with isn't to cost a connection here.
  const database = stage.database({ ...PATIENT, maxConnections: 24 })
  // A deadline of a few milliseconds isn't to meet a pool that has no connection yet.
  await database.warmUp()
  const counts = new Map<string, number>()
  let left = statements
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (left-- > 0) {
      const token = `s${left};`
      const by = stage.random.pick(STOPPED_BY)
      const told = await ask(stage, database, token, by)
      counts.set(told, (counts.get(told) ?? 0) + 1)
      if (told !== 'answered' && !TOLD_BY[by].includes(told)) stage.miss(`${token} stopped by ${by}: ${told}`)
    }
  })
  const load = stage.load(database, {
    clients: 8,
    options: () => ({
      timeoutMs: PATIENT.commandTimeoutMs,
      ...(stage.random.next() < 0.5 ? {} : { signal: signalAt(stage.random.integer(...MOMENT_MS)) }),
    }),
  })
  await stage.settled(clients)
  if (left > 0) stage.miss(`${left} statements were never begun: one before them is pending`)
  await load.stop()
  for (const { told, id } of load.records) {
    if (told.kind === 'failed' && told.code !== 'DB_ERR_ABORTED') stage.miss(`transfer ${id}: ${told.code}`)
  }
  // How many deadlines pass while waiting, and how many while running, is the machine's affair.
  for (const told of ['answered', 'DB_ERR_ABORTED']) {
    if (!counts.has(told)) stage.miss(`no statement of ${statements} was ${told}`)
  }
  stage.figure(`statements: ${[...counts].map(([told, count]) => `${count} ${told}`).join(', ')}`)
}

/** "answered", "wrong answer ...", or the code. */
async function ask(stage: Stage, { sql }: Database, token: string, by: StoppedBy): Promise<string> {
  const { random } = stage
  const atMs = random.integer(...MOMENT_MS)
  const seconds = random.integer(...MOMENT_MS) / 1000
  const [query, rows] = random.pick([
    [sql<{ token: string }[]>`select ${token}::text as token`, 1],
    [sql<{ token: string }[]>`select ${token}::text as token, pg_sleep(${seconds})`, 1],
    [sql<{ token: string }[]>`select ${token}::text as token, i from generate_series(1, ${ROWS}::int) i`, ROWS],
    [
      sql<
        { token: string }[]
      >`select ${token}::text as token, pg_sleep(${seconds / ROWS}) from generate_series(1, ${ROWS}::int)`,
      ROWS,
    ],
  ] as const)
  if (by === 'signal') void query.with({ signal: signalAt(atMs) })
  if (by === 'deadline') void query.with({ timeoutMs: Math.max(1, atMs) })
  if (by === 'cancel') void sleep(atMs).then(() => query.cancel())
  try {
    const answer = await query
    const right = answer.length === rows && answer.every(row => row.token === token)
    return right ? 'answered' : `wrong answer: ${answer.length} rows, the first ${JSON.stringify(answer[0])}`
  } catch (error) {
    return error instanceof DbError ? error.code : String(error)
  }
}

function signalAt(ms: number): AbortSignal {
  return AbortSignal.timeout(ms)
}
