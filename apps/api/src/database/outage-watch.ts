// Notices soon that the database is away, so that nobody waits for what can't come; and that it's back.
//
//            a call finds no way to connect; or nothing was answered in 0.3 s though somebody waited, then neither the probe nor the pool in 0.5 s;
//            or a probe fails, and then the pool isn't answered in 0.5 s, nor anybody else
//     there ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────► away
//       ▲                                                                                                                                  │
//       └────────────── a probe is answered (one at once, then one a second), or the pool, which is asked when a probe isn't ──────────────┘
//
// A probe that fails is no more than a suspicion: its connection may be lost and its slot taken, or its password changed, while the pool's connections work as ever. So the
// pool is asked then, by a question of its own. What the pool can do is what counts: it also ends an outage.
//
// While it's away every call is refused at once; reads that wait already are given up when it's found to be. A write isn't: what has become of it isn't known, and its own
// limits end it.
//
// A database that hangs can't be told from a statement that takes its time, but for this: the other still answers the probe, on a connection of its own, or the pool's question,
// on one that's free. So slow statements alone never count as an outage, whatever they take. What waits are calls, and requests whose data another worker is loading.
//
// Time is counted in ticks of this process: one in which the process itself was held up is one tick, however long, and says nothing against the database.
import type { Logger } from '@plimsoll/telemetry'
import { ApiError } from '../errors.ts'
import type { Clock, DatabaseProbe, Timer } from './probe.ts'

const TICK_MS = 100
/** Ticks without any answer after which the probe is asked, and the pool. */
const SUSPECT_TICKS = 3
/** Ticks more that they have for their answers; also the pool's, when it's asked for another reason. */
const PROBE_TICKS = 5
const RETRY_AFTER_S = 1

export interface OutageWatchTools {
  readonly probe: Pick<DatabaseProbe, 'soon' | 'onLook'>
  readonly clock: Clock
  readonly logger: Logger
}

/** What ended a call. */
export type CallEnd =
  /** The database has said something, be it an error. */
  | 'answered'
  /** There's no connection, and none could be opened. */
  | 'unreachable'
  /** Nothing that tells of the database. */
  | 'other'

/** Asks the database something by the pool that calls use; never rejects. It ends at once when the signal aborts. */
export type AskPool = (signal: AbortSignal) => Promise<CallEnd>

export class OutageWatch {
  readonly #probe: Pick<DatabaseProbe, 'soon' | 'onLook'>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #calls = new Set<WatchedCall>()
  #requests = 0
  #timer: Timer | undefined
  #isTicking = false
  #silentTicks = 0
  /** Answers so far, of whatever. */
  #answers = 0
  // Without a pool there's only the probe to go by.
  #ask: AskPool = () => Promise.resolve('unreachable')
  #isAsking = false
  #askTimer: Timer | undefined
  #awaySinceMs: number | undefined
  #refused = 0

  constructor({ probe, clock, logger }: OutageWatchTools) {
    this.#probe = probe
    this.#clock = clock
    this.#logger = logger
    probe.onLook(isAnswered => {
      if (isAnswered) this.#isThere()
      else void this.#askPool()
    })
  }

  get isAway(): boolean {
    return this.#awaySinceMs !== undefined
  }

  /** Calls that were refused or given up, since the start. */
  get refused(): number {
    return this.#refused
  }

  /** How the pool is asked; to be told before anything is called. */
  askBy(ask: AskPool): void {
    this.#ask = ask
  }

  /** A request has to wait for data: it may be another worker that asks the database for them. */
  began(): void {
    this.#requests++
    if (!this.#isTicking) this.#tickLater()
  }

  /** It waits no more. */
  ended(): void {
    this.#requests--
  }

  /**
   * A call begins; whoever makes it tells of its end.
   * @param signal of whoever waits for it
   * @throws API_ERR_DATABASE_UNAVAILABLE while the database is away
   */
  begin(signal: AbortSignal | undefined, isRead: boolean): WatchedCall {
    if (this.isAway) {
      this.#refused++
      throw away()
    }
    const call = new WatchedCall(signal, isRead, end => this.#ended(call, end))
    this.#calls.add(call)
    if (!this.#isTicking) this.#tickLater()
    return call
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#clock.clearTimeout(this.#askTimer)
  }

  #ended(call: WatchedCall, end: CallEnd): void {
    this.#calls.delete(call)
    if (end === 'answered') this.#heard()
    else if (end === 'unreachable') this.#leave('no connection could be opened')
  }

  #heard(): void {
    this.#silentTicks = 0
    this.#answers++
  }

  #isThere(): void {
    this.#heard()
    this.#back()
  }

  /** One question at a time, however many doubt. */
  async #askPool(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    const answersBefore = this.#answers
    const silence = new AbortController()
    this.#giveUpLater(silence, PROBE_TICKS)
    const end = await this.#ask(silence.signal)
    this.#clock.clearTimeout(this.#askTimer)
    this.#isAsking = false
    if (end === 'answered') this.#isThere()
    else if (end === 'unreachable') this.#leave('neither the probe nor the pool has a connection')
    // Anything else but silence is the pool's own: it's full, or closed.
    else if (silence.signal.aborted && this.#answers === answersBefore)
      this.#leave('neither the probe nor the pool was answered')
  }

  #giveUpLater(silence: AbortController, ticks: number): void {
    this.#askTimer = this.#clock.setTimeout(() => {
      if (ticks > 1) this.#giveUpLater(silence, ticks - 1)
      else silence.abort(away())
    }, TICK_MS)
    this.#askTimer.unref()
  }

  #tickLater(): void {
    this.#isTicking = true
    this.#timer = this.#clock.setTimeout(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  #tick(): void {
    this.#isTicking = false
    if (this.#calls.size + this.#requests === 0 || this.isAway) {
      this.#silentTicks = 0
      return
    }
    this.#silentTicks++
    if (this.#silentTicks === SUSPECT_TICKS) {
      void this.#probe.soon()
      void this.#askPool()
    }
    if (this.#silentTicks >= SUSPECT_TICKS + PROBE_TICKS)
      this.#leave('nothing was answered, neither the probe nor the pool')
    else this.#tickLater()
  }

  #leave(reason: string): void {
    if (this.isAway) return
    this.#awaySinceMs = this.#clock.now()
    this.#logger.error({ reason, waiting: this.#calls.size }, 'The database is away: what needs it is refused')
    for (const call of this.#calls) {
      if (!call.isRead) continue
      this.#refused++
      call.giveUp(away())
    }
    void this.#probe.soon()
  }

  #back(): void {
    if (this.#awaySinceMs === undefined) return
    const awayMs = Math.round(this.#clock.now() - this.#awaySinceMs)
    this.#awaySinceMs = undefined
    this.#logger.info({ awayMs, refused: this.#refused }, 'The database is back')
  }
}

/** A call that's under way. */
export class WatchedCall {
  readonly isRead: boolean
  readonly #abort = new AbortController()
  readonly #from: AbortSignal | undefined
  readonly #onEnd: (end: CallEnd) => void

  constructor(from: AbortSignal | undefined, isRead: boolean, onEnd: (end: CallEnd) => void) {
    this.isRead = isRead
    this.#from = from
    this.#onEnd = onEnd
    from?.addEventListener('abort', this.#leave, { once: true })
  }

  /** Aborts when whoever waits has left, or the call is given up; its reason is the error to tell. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  giveUp(error: ApiError): void {
    this.#abort.abort(error)
  }

  end(end: CallEnd): void {
    this.#from?.removeEventListener('abort', this.#leave)
    this.#onEnd(end)
  }

  readonly #leave = (): void => this.#abort.abort(this.#from?.reason)
}

function away(): ApiError {
  return new ApiError('API_ERR_DATABASE_UNAVAILABLE', 'The database can not be reached; try again in a moment.', {
    retryAfterS: RETRY_AFTER_S,
  })
}
