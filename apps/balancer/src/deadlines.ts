// Whose turn it is in an exchange, and how long that may take.
//
//   phase        waits for                                                      at most
//   backing-off  nobody: the pause before the next try                          totalMs
//   connecting   the endpoint, to accept                                        connectMs (the connection's own timer), totalMs
//   sent         the endpoint: it has the request whole, owes a 100,            tryMs, totalMs
//                or doesn't read what we send
//   answering    the endpoint, for more of its answer                           answerIdleMs
//   tunnel       either side                                                    tunnelIdleMs
//   sent, answering   the client: it owes a body, or doesn't read its answer    its pace (downstream/pace-watch.ts)
//
// One timer per exchange, set anew whenever something moves; setting a later time touches nothing but a number.
// The time of a try and the total begin when the request is whole: a long upload is no fault of the endpoint's.
import type { Exchange } from './exchange.ts'
import type { Clock, TimerWheel } from './transport/timer-wheel.ts'

export interface DeadlineTimes {
  readonly tryMs: number
  readonly totalMs: number
  /** Wait for a first byte before a second try is begun beside the first; only for exchanges that may be hedged. */
  readonly hedgeAfterMs: number
  readonly answerIdleMs: number
  readonly tunnelIdleMs: number
}

const GOODBYE_MS = 2000

export class Deadlines {
  readonly #times: DeadlineTimes
  readonly #wheel: TimerWheel
  readonly #clock: Clock

  constructor(times: DeadlineTimes, wheel: TimerWheel, clock: Clock) {
    this.#times = times
    this.#wheel = wheel
    this.#clock = clock
  }

  /** From now on the answer is due. */
  begin(exchange: Exchange): void {
    exchange.waitingSinceMs = this.#clock.now()
  }

  /** Something has moved, or the phase has changed: the time begins anew. */
  onMoved(exchange: Exchange): void {
    const { answerIdleMs, tunnelIdleMs } = this.#times
    const timer = exchange.client.exchangeTimer
    switch (exchange.phase) {
      case 'connecting':
        this.#wheel.set(timer, this.totalLeftMs(exchange))
        break
      case 'sent':
        this.#wheel.set(
          timer,
          exchange.mayHedge ? Math.min(this.#times.hedgeAfterMs, this.#tryMs(exchange)) : this.#tryMs(exchange),
        )
        break
      case 'answering':
        this.#wheel.set(timer, answerIdleMs)
        break
      case 'tunnel':
        // Told to leave: its time runs, whatever still comes.
        if (exchange.webSocket?.isTold !== true) this.#wheel.set(timer, tunnelIdleMs)
        break
      case 'backing-off':
        // The pause has its own time.
        break
      case 'begun':
      case 'finished':
        this.#wheel.cancel(timer)
        break
      default:
        exchange.phase satisfies never
    }
  }

  /** The client of a tunnel has been told to leave: both sides have so long to answer. */
  beginGoodbye(exchange: Exchange): void {
    this.#wheel.set(exchange.client.exchangeTimer, GOODBYE_MS)
  }

  /** Waits before the next try; no longer than the whole may take. */
  pause(exchange: Exchange, ms: number): void {
    this.#wheel.set(exchange.client.exchangeTimer, Math.min(ms, this.totalLeftMs(exchange)))
  }

  /** The time is over: whether it was the client's, who is watched elsewhere. */
  isClientsTurn(exchange: Exchange): boolean {
    if (exchange.phase === 'answering' && exchange.client.isCongested) return true
    if (exchange.phase !== 'sent' && exchange.phase !== 'answering') return false
    return owesBody(exchange) && !exchange.connection?.isCongested
  }

  /** Whether there's time for another try. */
  isTimeLeft(exchange: Exchange): boolean {
    return owesBody(exchange) || this.totalLeftMs(exchange) > 0
  }

  #tryMs(exchange: Exchange): number {
    const { tryMs } = this.#times
    return owesBody(exchange) ? tryMs : Math.min(tryMs, this.totalLeftMs(exchange))
  }

  /** What is left of the time for all tries, or of the time that a trusted peer gave it, if that's less. */
  totalLeftMs(exchange: Exchange): number {
    const nowMs = this.#clock.now()
    const ownMs = exchange.waitingSinceMs + this.#times.totalMs - nowMs
    const givenMs = exchange.startedAtMs + exchange.givenMs - nowMs
    return Math.max(0, Math.min(ownMs, givenMs))
  }

  /** Whether the time that a trusted peer gave it is over. */
  isGivenTimeOver(exchange: Exchange): boolean {
    return exchange.startedAtMs + exchange.givenMs <= this.#clock.now()
  }
}

function owesBody(exchange: Exchange): boolean {
  return exchange.hasBody && !exchange.requestEnded && !exchange.awaitsContinue
}
