// Scene 1: backends terminated at every point of a transaction, each point by construction, while a terminator picks sessions of other clients at random.
//
//     BEGIN ──►│◄── answer  ── statement ── between ── statement ── COMMIT ──►│ deferred triggers │ durable │ waits for a standby │◄── answer
//       a point at each of these; of the answers to COMMIT (the transaction's id, then COMMIT's own) none, one or both arrive
//
// A point is played without retries, or with two. Without, what's told is listed here; with, whatever was rolled back is committed by a repetition, and what's
// unknown stays so.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@plimsoll/testing'
import type { DatabaseOptions, Transaction } from '../../../src/index.ts'
import type { TransferOptions, TransferRecord } from '../bank.ts'
import { PATIENT, type Stage } from '../stage.ts'
import { toldLabel } from '../verdict.ts'
import type { Stop, Wire } from '../wire.ts'

export interface TerminatedOptions {
  /** How long the terminator is at work, at least, in milliseconds. */
  readonly randomMs: number
  /** Whether each point is played both without retries and with them; else in one of the ways, by chance. */
  readonly bothWays: boolean
  /** The server makes commits wait for a standby where a session asks for it. */
  readonly hasStandbys: boolean
}

interface Point {
  readonly name: string
  /** What the client may be told without retries, and with them. */
  readonly told: readonly string[]
  readonly toldWithRetries: readonly string[]
  readonly transfer: (kit: Kit) => TransferOptions
  /** Called when the transfer was begun and before its first bytes leave. */
  readonly prepare?: (kit: Kit, record: TransferRecord) => Promise<void>
  readonly options?: Partial<DatabaseOptions>
  readonly needsStandbys?: boolean
  /** Before it, in its own pool. */
  readonly idleFirst?: boolean
}

const LOST = ['DB_ERR_CONNECTION_LOST']
const UNKNOWN = ['DB_ERR_OUTCOME_UNKNOWN']
const COMMITTED = ['committed']
/** Tells the BEGIN of the transfer from the one that a resolver or another pool may send. */
const MARKED = { readOnly: false, timeoutMs: PATIENT.commandTimeoutMs } as const
/** What is sent for it. */
const MARKED_BEGIN = 'begin read write'
const COMMIT = 'commit'
/** How a lone statement begins; its values, the id among them, are sent beside it. */
const AT_ONCE = 'with locked as'
/** Longer than everything else here; ended by a termination. */
const LONG_S = 20

const POINTS: readonly Point[] = [
  {
    name: 'connections idle in the pool',
    // The news of their end may come before or after the next transfer has taken one.
    told: [...COMMITTED, ...LOST],
    toldWithRetries: COMMITTED,
    idleFirst: true,
    transfer: () => ({}),
  },
  {
    name: 'BEGIN on its way',
    told: LOST,
    toldWithRetries: COMMITTED,
    transfer: kit => kit.stop({ text: MARKED_BEGIN, at: 'request', meanwhile: kit.terminate() }),
  },
  {
    name: "BEGIN's answer on its way",
    told: LOST,
    toldWithRetries: COMMITTED,
    transfer: kit => kit.stop({ text: MARKED_BEGIN, at: 'answer', meanwhile: kit.answerThen('deliver', MARKED_BEGIN) }),
  },
  {
    name: "BEGIN's answer lost",
    told: LOST,
    toldWithRetries: COMMITTED,
    transfer: kit => kit.stop({ text: MARKED_BEGIN, at: 'answer', meanwhile: kit.answerThen('cut', MARKED_BEGIN) }),
  },
  {
    name: 'before the first statement',
    told: LOST,
    toldWithRetries: COMMITTED,
    transfer: kit => kit.at('begun', tx => kit.terminateSessionOf(tx)),
  },
  {
    name: 'between two statements',
    told: LOST,
    toldWithRetries: COMMITTED,
    transfer: kit => kit.at('middle', tx => kit.terminateSessionOf(tx)),
  },
  {
    name: 'while a statement runs',
    told: LOST,
    toldWithRetries: COMMITTED,
    transfer: kit =>
      kit.at('middle', async tx => {
        const port = await clientPortOf(tx)
        const running = tx`select pg_sleep(${LONG_S})`.execute()
        await Promise.all([running, kit.terminateWhenActive(port, 'pg_sleep')])
      }),
  },
  {
    name: 'between the last statement and COMMIT',
    // When COMMIT leaves before the news comes, neither it nor the id is answered.
    told: [...LOST, ...UNKNOWN],
    toldWithRetries: [...COMMITTED, ...UNKNOWN],
    transfer: kit => kit.at('before commit', tx => kit.terminateSessionOf(tx)),
  },
  {
    name: 'COMMIT on its way',
    told: [...LOST, ...UNKNOWN],
    toldWithRetries: [...COMMITTED, ...UNKNOWN],
    transfer: kit => kit.atCommit({ at: 'request', meanwhile: kit.terminate() }),
  },
  {
    name: 'COMMIT waits for a deferred trigger',
    told: LOST,
    toldWithRetries: COMMITTED,
    transfer: kit =>
      kit.at('before commit', async tx => {
        await tx`insert into slow_commits values (${LONG_S})`
        void kit.aside(kit.terminateWhenActive(await clientPortOf(tx), COMMIT))
      }),
  },
  {
    name: 'COMMIT done, both answers lost',
    told: UNKNOWN,
    toldWithRetries: UNKNOWN,
    transfer: kit => kit.atCommit({ at: 'answer', meanwhile: kit.answerThen('cut', COMMIT) }),
  },
  {
    name: 'COMMIT done, the answer behind the id lost',
    told: COMMITTED,
    toldWithRetries: COMMITTED,
    transfer: kit => kit.atCommit({ at: 'answer', answersDelivered: 1, meanwhile: kit.answerThen('cut', COMMIT) }),
  },
  {
    name: 'COMMIT done, its answer on its way',
    told: COMMITTED,
    toldWithRetries: COMMITTED,
    transfer: kit => kit.atCommit({ at: 'answer', meanwhile: kit.answerThen('deliver', COMMIT) }),
  },
  {
    name: 'COMMIT durable, waiting for a standby',
    told: COMMITTED,
    toldWithRetries: COMMITTED,
    needsStandbys: true,
    transfer: kit =>
      kit.at('before commit', async tx => {
        await tx`set local synchronous_commit = on`
        void kit.aside(kit.terminateWhenActive(await clientPortOf(tx), COMMIT))
      }),
  },
  {
    name: 'ROLLBACK on its way',
    told: ['withdrawn'],
    toldWithRetries: ['withdrawn'],
    transfer: kit => ({
      withdrawn: true,
      ...kit.at('before commit', async tx => {
        const clientPort = await clientPortOf(tx)
        void kit.wire.stopAt({ clientPort, text: 'rollback', at: 'request', meanwhile: kit.terminate() })
      }),
    }),
  },
  {
    name: 'a lone statement on its way',
    told: [...LOST, ...UNKNOWN],
    toldWithRetries: [...LOST, ...UNKNOWN],
    transfer: () => ({ how: 'statement' }),
    prepare: (kit, { id }) => kit.wire.stopAt({ text: id, at: 'request', meanwhile: kit.terminate() }),
  },
  {
    name: 'a lone statement done, its answer lost',
    told: UNKNOWN,
    toldWithRetries: UNKNOWN,
    transfer: () => ({ how: 'statement' }),
    prepare: (kit, { id }) => kit.wire.stopAt({ text: id, at: 'answer', meanwhile: kit.answerThen('cut', AT_ONCE) }),
  },
  {
    name: 'a lone statement done, its answer on its way',
    told: COMMITTED,
    toldWithRetries: COMMITTED,
    transfer: () => ({ how: 'statement' }),
    prepare: (kit, { id }) =>
      kit.wire.stopAt({ text: id, at: 'answer', meanwhile: kit.answerThen('deliver', AT_ONCE) }),
  },
  {
    name: 'a lone statement durable, waiting for a standby',
    told: UNKNOWN,
    toldWithRetries: UNKNOWN,
    needsStandbys: true,
    transfer: () => ({ how: 'statement' }),
    options: { settings: { synchronous_commit: 'on' } },
    prepare: kit => kit.terminateWaitingForStandby(),
  },
]

const POINTS_AT_ONCE = 5
/** The server cuts what's longer. */
const MAX_NAME_LENGTH = 63
/** Sessions of the background load alone are picked at random; those of the points have their own end. */
const LOAD_NAME = 'drill-load'
const BETWEEN_TERMINATIONS_MS = [5, 50] as const

/** Plays every point; then the terminator goes on until its time is over. */
export async function terminated(stage: Stage, { randomMs, bothWays, hasStandbys }: TerminatedOptions): Promise<void> {
  const load = stage.load(stage.database({ applicationName: LOAD_NAME }), {
    clients: 8,
    options: () => ({ retries: stage.random.integer(0, 2) }),
  })
  await stage.untilServed(load, 'before any termination')
  const stopping = new AbortController()
  const terminator = terminateAtRandom(stage, randomMs, stopping.signal)
  const points = POINTS.filter(point => hasStandbys || point.needsStandbys !== true)
  const left = stage.random.shuffle(
    points.flatMap(point => (bothWays ? [0, 2] : [stage.random.pick([0, 2])]).map(retries => ({ point, retries }))),
  )
  const players = Array.from({ length: POINTS_AT_ONCE }, async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await play(stage, next.point, next.retries)
  })
  await Promise.all(players)
  stopping.abort()
  const terminations = await terminator
  if (terminations === 0) stage.miss('the terminator found nobody to terminate')
  stage.figure(`${points.length} points; ${terminations} sessions terminated at random`)
  await stage.untilServed(load, 'after all terminations')
}

async function play(stage: Stage, point: Point, retries: number): Promise<void> {
  // A wire and a pool for each: stops, retry budget, connections and prepared statements are its own.
  const wire = await stage.wire()
  const applicationName = `drill-${point.name} ${retries}`.slice(0, MAX_NAME_LENGTH)
  const kit = new Kit(stage, wire, applicationName)
  const database = stage.database({ ...PATIENT, url: wire.url, applicationName, minConnections: 0, ...point.options })
  if (point.idleFirst === true) {
    await Promise.all([stage.bank.begin(database).settled, stage.bank.begin(database).settled])
    await kit.terminateAll()
  }
  const { options, ...transfer } = point.transfer(kit)
  const { record, settled } = stage.bank.begin(database, { ...transfer, options: { ...MARKED, ...options, retries } })
  const prepared = point.prepare?.(kit, record)
  await stage.settled([settled, ...(prepared === undefined ? [] : [prepared])])
  const expected = retries === 0 ? point.told : point.toldWithRetries
  const told = toldLabel(record.told)
  if (!expected.includes(told)) {
    stage.miss(`${point.name}, ${retries} retries: told ${told}, not ${expected.join(' or ')}`)
  }
  await database.close({ timeoutMs: 500 })
}

/** What points are made of. */
class Kit {
  readonly wire: Wire
  readonly #stage: Stage
  /** Of the point's sessions. */
  readonly #applicationName: string

  constructor(stage: Stage, wire: Wire, applicationName: string) {
    this.wire = wire
    this.#stage = stage
    this.#applicationName = applicationName
  }

  /** Stops the wire, from now on. */
  stop(stop: Stop): TransferOptions {
    void this.wire.stopAt(stop)
    return {}
  }

  /** Does something at a step of the first attempt. */
  at(step: string, act: (tx: Transaction) => Promise<void>): TransferOptions {
    return {
      during: async (reached, tx, { attempts }) => {
        if (reached === step && attempts === 1) await act(tx)
      },
    }
  }

  /** Stops the wire at the COMMIT of the first attempt. */
  atCommit(stop: Omit<Stop, 'text' | 'clientPort'>): TransferOptions {
    return this.at('before commit', async tx => {
      void this.wire.stopAt({ ...stop, clientPort: await clientPortOf(tx), text: COMMIT })
    })
  }

  /** Terminates the session before the request comes. */
  terminate(): Stop['meanwhile'] {
    return async clientPort => {
      await this.aside(this.#terminate(clientPort))
      return 'deliver'
    }
  }

  /** Lets the server carry out the request, which has this text, and terminates the session with the answer on its way. */
  answerThen(verdict: 'deliver' | 'cut', text: string): Stop['meanwhile'] {
    return async clientPort => {
      await this.aside(this.#untilCarriedOut(clientPort, text).then(() => this.#terminate(clientPort)))
      return verdict
    }
  }

  /** For what nobody waits for: its failure is the scene's. */
  async aside(act: Promise<unknown>): Promise<void> {
    await act.catch((error: unknown) => this.#stage.miss(String(error)))
  }

  async terminateSessionOf(tx: Transaction): Promise<void> {
    await this.#terminate(await clientPortOf(tx))
  }

  async terminateWhenActive(clientPort: number, text: string): Promise<void> {
    const active = async (): Promise<boolean> => {
      const found = await this.#stage.sql`
        select from pg_stat_activity where client_port = ${clientPort} and state = 'active' and position(${text} in query) > 0`
      return found.length > 0
    }
    await until(active, { what: `${text} to run`, intervalMs: 2 })
    await this.#terminate(clientPort)
  }

  /** Whichever session of the point waits for a standby. */
  async terminateWaitingForStandby(): Promise<void> {
    const terminate = async (): Promise<boolean> => {
      const found = await this.#stage.sql`
        select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where wait_event = 'SyncRep' and application_name = ${this.#applicationName}`
      return found.length > 0
    }
    await until(terminate, { what: 'a session to wait for a standby', intervalMs: 2 })
  }

  /** All sessions of the point. */
  async terminateAll(): Promise<void> {
    await this.#stage.sql`
      select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where application_name = ${this.#applicationName} and datname = current_database()`
  }

  async #terminate(clientPort: number): Promise<void> {
    await this.#stage
      .sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where client_port = ${clientPort}`
  }

  /** The request may be on its way yet, so a session that's merely not active may have it before itself: the server shows the last text that it began. */
  async #untilCarriedOut(clientPort: number, text: string): Promise<void> {
    const carriedOut = async (): Promise<boolean> => {
      const found = await this.#stage.sql`
        select from pg_stat_activity
        where client_port = ${clientPort} and state <> 'active' and position(${text} in query) > 0`
      return found.length > 0
    }
    await until(carriedOut, { what: `${text} to be carried out`, intervalMs: 2 })
  }
}

async function clientPortOf(tx: Transaction): Promise<number> {
  const [row] = await tx<{ port: number }[]>`select inet_client_port() as port`
  return row?.port ?? 0
}

/** Sessions of the load, one or two at a time, at any point of whatever they do. Gives how many. */
async function terminateAtRandom(stage: Stage, leastMs: number, signal: AbortSignal): Promise<number> {
  const untilMs = performance.now() + leastMs
  let terminations = 0
  while (!signal.aborted || performance.now() < untilMs) {
    await sleep(stage.random.integer(...BETWEEN_TERMINATIONS_MS))
    const rows = await stage.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = ${LOAD_NAME} and datname = current_database()
      order by random() limit ${stage.random.integer(1, 2)}`
    terminations += rows.length
  }
  return terminations
}
