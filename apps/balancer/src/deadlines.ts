// Whose turn it is in an exchange, and how long that may take.
//
//   phase        waits for                                                      at most
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
  readonly answerIdleMs: number
  readonly tunnelIdleMs: number
}

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
        this.#wheel.set(timer, this.#totalLeftMs(exchange))
        break
      case 'sent':
        this.#wheel.set(timer, this.#tryMs(exchange))
        break
      case 'answering':
        this.#wheel.set(timer, answerIdleMs)
        break
      case 'tunnel':
        this.#wheel.set(timer, tunnelIdleMs)
        break
      case 'begun':
      case 'finished':
        this.#wheel.cancel(timer)
        break
      default:
        exchange.phase satisfies never
    }
  }

  /** The time is over: whether it was the client's, who is watched elsewhere. */
  isClientsTurn(exchange: Exchange): boolean {
    if (exchange.phase === 'answering' && exchange.client.isCongested) return true
    if (exchange.phase !== 'sent' && exchange.phase !== 'answering') return false
    return owesBody(exchange) && !exchange.connection?.isCongested
  }

  /** Whether there's time for another try. */
  isTimeLeft(exchange: Exchange): boolean {
    return owesBody(exchange) || this.#totalLeftMs(exchange) > 0
  }

  #tryMs(exchange: Exchange): number {
    const { tryMs } = this.#times
    return owesBody(exchange) ? tryMs : Math.min(tryMs, this.#totalLeftMs(exchange))
  }

  #totalLeftMs(exchange: Exchange): number {
    return Math.max(0, exchange.waitingSinceMs + this.#times.totalMs - this.#clock.now())
  }
}

function owesBody(exchange: Exchange): boolean {
  return exchange.hasBody && !exchange.requestEnded && !exchange.awaitsContinue
}
