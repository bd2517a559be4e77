// Asks one endpoint again and again whether it serves, whether it's draining or not. What the answers mean is check-tally.ts's.
//
//   start ──► check ──► wait ──► check ──► wait …     stop at any time
//                         ▲
//                       hurry ends the wait
//
// Invariants
// * One check at a time; the next is planned when the last has ended, so a slow endpoint isn't asked faster than it answers.
// * The first check comes at once, since an endpoint gets nothing before its first pass. The first wait in quiet is a random part of the
//   interval, which spreads endpoints that started together over all of it; later ones are ± 10 %, which keeps them from meeting again.
// * While anything is in doubt (starting, down, ejected, or a failure in the row) checks come at `changingIntervalMs`.
// * Hurried checks begin at least `HURRIED_GAP_MS` apart: a thousand requests that fail in a second don't become a thousand checks.
// * A check that could not be made, because this process has run out of something, counts for nothing and isn't told of.
// * After `stop` nothing runs, nothing is kept, and nobody is told anything.
import { channels, type HealthCheckFinished } from '../channels.ts'
import type { Endpoint, EndpointHealth } from '../upstream/endpoint.ts'
import { CheckTally, type CheckTallyOptions } from './check-tally.ts'
import { SYSTEM_TIMERS, type ClockedTimers } from '../transport/timers.ts'
import type { Probe, ProbeFailureKind, ProbeResult } from './probe.ts'

export interface ActiveCheckOptions extends CheckTallyOptions {
  readonly intervalMs: number
  readonly changingIntervalMs: number
  readonly timeoutMs: number
}

/** What the last check saw. */
export type CheckKind = 'passed' | ProbeFailureKind

/** Told of what checks show. */
export interface CheckListener {
  /**
   * What the endpoint is now, and why, in words. Also called when only the reason or the kind has changed. `kind` is null as long as no
   * check could be made.
   */
  setHealth(health: EndpointHealth, reason: string, kind: CheckKind | null): void
  /** After each check, before `setHealth` and before the channel `lb:health-check:finished`. */
  onChecked(check: HealthCheckFinished, passesInRow: number): void
}

/** Least time between the beginnings of two checks of which the second was hurried. */
const HURRIED_GAP_MS = 50
const JITTER_RATIO = 0.1

export class ActiveCheck {
  readonly #endpoint: Endpoint
  readonly #options: ActiveCheckOptions
  readonly #probe: Probe
  readonly #random: { next(): number }
  readonly #listener: CheckListener
  readonly #timers: ClockedTimers
  readonly #tally: CheckTally
  #timer: unknown = null
  #running: AbortController | null = null
  #beganAtMs = 0
  #isHurried = false
  #isSpread = false
  #stopped = false

  /** The probe becomes the check's own: `stop` closes it. */
  constructor(
    endpoint: Endpoint,
    options: ActiveCheckOptions,
    probe: Probe,
    random: { next(): number },
    listener: CheckListener,
    timers: ClockedTimers = SYSTEM_TIMERS,
  ) {
    this.#endpoint = endpoint
    this.#options = options
    this.#probe = probe
    this.#random = random
    this.#listener = listener
    this.#timers = timers
    this.#tally = new CheckTally(options, endpoint.health)
  }

  /** Checks that have passed since the last failure, or since `restartRow`. */
  get passesInRow(): number {
    return this.#tally.passesInRow
  }

  /** Counts passes from here on, for whoever wants evidence newer than what just happened. */
  restartRow(): void {
    this.#tally.restartRow()
  }

  start(): void {
    void this.#check()
  }

  /**
   * Looks again at once, over a new connection: a request has just failed to connect. During a check: right behind it. What passed before
   * is no evidence any more.
   */
  hurry(): void {
    this.#tally.restartRow()
    if (this.#stopped || this.#isHurried) return
    this.#isHurried = true
    if (this.#running === null) this.#plan()
  }

  stop(): void {
    this.#stopped = true
    this.#timers.clearTimeout(this.#timer)
    this.#running?.abort()
    this.#probe.close()
  }

  async #check(): Promise<void> {
    this.#timers.clearTimeout(this.#timer)
    if (this.#stopped || this.#running !== null) return
    const controller = new AbortController()
    this.#running = controller
    // What is kept would answer also when nobody accepts any more.
    if (this.#isHurried) this.#probe.close()
    this.#isHurried = false
    const { timeoutMs } = this.#options
    const deadline = this.#timers.setTimeout(() => controller.abort(), timeoutMs)
    this.#beganAtMs = this.#timers.now()
    const seen = await this.#ask(controller.signal)
    const durationMs = this.#timers.now() - this.#beganAtMs
    this.#timers.clearTimeout(deadline)
    this.#running = null
    if (this.#stopped) return
    if (seen.kind === 'not-made') this.#tellNotMade(seen.message)
    else this.#record(seen.kind, seen.kind === 'passed' ? null : seen.message, durationMs)
    // The listener may have stopped it.
    if (!this.#stopped) this.#plan()
  }

  async #ask(signal: AbortSignal): Promise<ProbeResult> {
    try {
      const seen = await this.#probe.check(signal)
      if (!signal.aborted) return seen
      const missing = seen.kind === 'connect' ? 'connection' : 'answer'
      const kind = seen.kind === 'connect' ? 'connect' : 'timeout'
      return { kind, message: `no ${missing} within ${this.#options.timeoutMs} ms` }
    } catch (error) {
      return { kind: 'answer', message: `the check itself failed: ${(error as Error).message}` }
    }
  }

  #record(kind: CheckKind, failure: string | null, durationMs: number): void {
    const before = this.#endpoint.health
    const health = this.#tally.record(failure === null, before)
    const { passesInRow, failuresInRow } = this.#tally
    const check: HealthCheckFinished = { endpoint: this.#endpoint, durationMs, failure }
    this.#listener.onChecked(check, passesInRow)
    channels.healthCheckFinished.publish(check)
    if (failure === null) {
      if (before !== 'up' && health === 'up') this.#listener.setHealth('up', `${checks(passesInRow)} passed`, kind)
      if (health !== 'up')
        this.#listener.setHealth(health, `${passesInRow} of ${checks(this.#options.rise)} passed`, kind)
    } else if (health === 'down') {
      this.#listener.setHealth('down', `${checks(failuresInRow)} failed, the last: ${failure}`, kind)
    } else if (health === 'starting') {
      this.#listener.setHealth('starting', `the first check has not passed yet: ${failure}`, kind)
    }
  }

  #tellNotMade(message: string): void {
    if (this.#endpoint.health !== 'starting') return
    this.#listener.setHealth('starting', `the first check could not be made: ${message}`, null)
  }

  #plan(): void {
    this.#timers.clearTimeout(this.#timer)
    this.#timer = this.#timers.setTimeout(() => void this.#check(), this.#delayMs())
  }

  #delayMs(): number {
    if (this.#isHurried) return Math.max(0, this.#beganAtMs + HURRIED_GAP_MS - this.#timers.now())
    const { intervalMs, changingIntervalMs } = this.#options
    const { health, circuit } = this.#endpoint
    const isQuiet = health === 'up' && this.#tally.failuresInRow === 0 && circuit.state === 'closed'
    if (!isQuiet) return Math.min(changingIntervalMs, intervalMs) * this.#jitter()
    if (this.#isSpread) return intervalMs * this.#jitter()
    this.#isSpread = true
    return intervalMs * this.#random.next()
  }

  #jitter(): number {
    return 1 - JITTER_RATIO + 2 * JITTER_RATIO * this.#random.next()
  }
}

function checks(count: number): string {
  return count === 1 ? '1 check' : `${count} checks`
}
