// A transaction's connection: statements take it in turns, in the order in which they were started, and only as long as the transaction is open.
//
//     open ──► ending ──► ended        ending: COMMIT or ROLLBACK is next, nothing else is let in
//       └────► broken ──► ended        broken: time is up, aborted, or a statement ended the transaction behind our back
import type { Slot } from '../driver/slot.ts'
import { DbError } from '../errors.ts'
import { commandOf } from '../sql/pool-session.ts'
import type { Session } from '../sql/session.ts'

type State = 'open' | 'ending' | 'broken' | 'ended'

/** What a statement may not do here, by command tag. ROLLBACK TO has the tag of ROLLBACK. */
const REFUSED: ReadonlySet<string> = new Set(['COMMIT', 'ROLLBACK', 'PREPARE TRANSACTION'])
/** A setting that ends with the transaction has the tag of one that doesn't. */
const LOCAL_SET = /^\s*set\s+(?:local|transaction|constraints)\b/i

interface Turn {
  readonly resolve: (slot: Slot) => void
  readonly reject: (error: DbError) => void
}

export class TransactionSession implements Session {
  readonly inTransaction = true
  readonly timeoutMs: number
  readonly acquireTimeoutMs = Infinity
  /** A session setting outlives the transaction: the connection isn't given to anybody else. */
  settingsChanged = false
  /** The first statement that failed and wasn't undone by a savepoint. */
  failure: DbError | undefined
  readonly #slot: Slot
  #state: State = 'open'
  #reason: DbError | undefined
  #busy = false
  readonly #turns: Turn[] = []
  readonly #idle: (() => void)[] = []

  constructor(slot: Slot, timeoutMs: number) {
    this.#slot = slot
    this.timeoutMs = timeoutMs
  }

  get state(): State {
    return this.#state
  }

  /** Why it broke. */
  get brokenBy(): DbError | undefined {
    return this.#reason
  }

  tryLease(): Slot | undefined {
    if (this.#state !== 'open' || this.#busy) return undefined
    this.#busy = true
    return this.#slot
  }

  enqueue(): undefined {
    return undefined
  }

  sendsOn(): boolean {
    return false
  }

  lease(): Promise<Slot> {
    const slot = this.tryLease()
    if (slot !== undefined) return Promise.resolve(slot)
    if (this.#state !== 'open') return Promise.reject(this.#over())
    return new Promise((resolve, reject) => this.#turns.push({ resolve, reject }))
  }

  release(): void {
    if (this.#state === 'broken') this.#refuseTurns()
    const next = this.#turns.shift()
    if (next !== undefined) return next.resolve(this.#slot)
    this.#busy = false
    for (const idle of this.#idle.splice(0)) idle()
  }

  refusal(slot: Slot, result: unknown, text: string | undefined): DbError | undefined {
    const results: unknown[] = commandOf(result) === undefined && Array.isArray(result) ? result : [result]
    for (const one of results) {
      const command = commandOf(one)
      if (command === undefined) continue
      if (command === 'LISTEN' || (command === 'SET' && !LOCAL_SET.test(text ?? ''))) this.settingsChanged = true
      if (!REFUSED.has(command)) continue
      const error = new DbError(
        'DB_ERR_TRANSACTION',
        `${command} was sent as a statement inside db.transaction(). Return from the function to commit, throw to roll back, tx.savepoint(fn) to undo a part.`,
        { outcome: 'failed' },
      )
      this.break(error)
      slot.discard('session-changed')
      return error
    }
    return undefined
  }

  failed(error: DbError): void {
    this.failure ??= error
  }

  /** Lets nothing in any more. Who waits is refused. */
  break(reason: DbError): void {
    if (this.#state !== 'open') return
    this.#state = 'broken'
    this.#reason = reason
    this.#refuseTurns()
    for (const idle of this.#idle.splice(0)) idle()
  }

  /** Waits until what was started has ended. */
  async settled(): Promise<void> {
    while (this.#busy && this.#state === 'open') await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  /** Takes the connection for COMMIT or ROLLBACK. */
  end(): void {
    this.#state = 'ended'
    this.#refuseTurns()
  }

  #refuseTurns(): void {
    for (const turn of this.#turns.splice(0)) turn.reject(this.#over())
  }

  #over(): DbError {
    return (
      this.#reason ??
      new DbError(
        'DB_ERR_TRANSACTION',
        'The transaction has ended: this statement was started too late, and was not sent.',
      )
    )
  }
}
