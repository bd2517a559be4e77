// Servers that break, clients that keep coming and checks, in simulated time, around a real pool with everything that watches it.
//
// Requests come at random with a mean rate, whatever becomes of them; a third can't be repeated. What the pipeline does is done here in its
// simplest form: one retry elsewhere of what wasn't sent or can be repeated, 2 s per try, a budget.
import { FakeClock } from '@plimsoll/testing'
import { EndpointWatch } from '../../src/health/endpoint-watch.ts'
import { StallDetector } from '../../src/health/stall-detector.ts'
import { TimerWheel } from '../../src/transport/timer-wheel.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { RetryBudget } from '../../src/upstream/retry-budget.ts'
import { Attempt, describe, Fleet, type FleetOptions } from './fleet.ts'
import { SimulatedChecks } from './simulated-checks.ts'
import { SimulatedServer, type Mode, type Running } from './simulated-server.ts'

export interface TrafficOptions extends FleetOptions {
  readonly requestsPerSecond?: number
  /** Mean time of an answer. */
  readonly answerMs?: number
  /** Whether checks fail while a server is `failing`; false: its check doesn't look at what is wrong. */
  readonly checksSeeFailing?: boolean
}

/** What became of the requests that ended since the last look. */
export interface Tally {
  readonly sent: number
  readonly failed: number
  /** Requests given to each, each try counted, by id. */
  readonly shares: ReadonlyMap<string, number>
}

interface Request {
  readonly repeatable: boolean
  readonly tried: Endpoint[]
  retries: number
}

const TRY_MS = 2000
const TICK_MS = 25

export class Traffic {
  readonly fleet: Fleet
  readonly clock = new FakeClock({ startMs: 1000 })
  readonly budget = new RetryBudget({ ratio: 0.2, minPerSecond: 3 }, this.clock)
  readonly #options: Required<Pick<TrafficOptions, 'requestsPerSecond' | 'answerMs'>>
  readonly #servers = new Map<Endpoint, SimulatedServer>()
  readonly #checks: SimulatedChecks
  /** Requests that have not ended. */
  underWay = 0
  /** Most probes that one server had at a time. */
  mostProbes = 0
  #sent = 0
  #failed = 0
  #shares = new Map<string, number>()

  constructor(count: number, options: TrafficOptions = {}) {
    const { requestsPerSecond = 300, answerMs = 5, checksSeeFailing = false } = options
    this.#options = { requestsPerSecond, answerMs }
    const onEjected: FleetOptions['onEjected'] = (endpoint, trip) => {
      options.onEjected?.(endpoint, trip)
      this.#checks.hurry(this.#of(endpoint))
    }
    this.fleet = new Fleet({ ...options, onEjected }, this.clock)
    const { pool, outliers } = this.fleet
    pool.replace(Array.from({ length: count }, (_, i) => describe(String.fromCharCode(97 + i))))
    for (const endpoint of pool.endpoints) this.#servers.set(endpoint, new SimulatedServer(endpoint))
    const asks = options.outliers?.checksAsk ?? true
    this.#checks = new SimulatedChecks(this.fleet, { asks, seeFailing: checksSeeFailing })
    for (const server of this.#servers.values()) this.#checks.check(server)
    const wheel = new TimerWheel(this.clock, TICK_MS, error => {
      throw error
    })
    const stalls = new StallDetector({ minSilenceMs: 250, factor: 10 }, (endpoint, silentMs) =>
      outliers.eject(endpoint, { cause: 'stalled', reason: `silent for ${silentMs} ms` }),
    )
    new EndpointWatch(pool, outliers, stalls, { step: () => false }, wheel, this.clock).start()
    this.clock.setInterval(() => wheel.turn(), TICK_MS)
  }

  /** From now on these servers are so. A dead one drops what it has, a mended one answers what it has kept waiting. */
  set(mode: Mode, ...ids: readonly string[]): void {
    for (const id of ids) {
      const server = this.#of(this.fleet.get(id))
      const before = server.mode
      server.mode = mode
      if (mode === 'dead') for (const one of server.running) one.end('reset')
      else if (before === 'hanging') for (const one of server.running) this.#answer(server, one)
    }
  }

  /** Lets so much time pass with traffic, and says what became of it. */
  run(seconds: number): Tally {
    this.#sent = 0
    this.#failed = 0
    this.#shares = new Map()
    const meanMs = 1000 / this.#options.requestsPerSecond
    const endMs = this.clock.now() + seconds * 1000
    for (let atMs = this.clock.now() + this.#exponential(meanMs); atMs < endMs; atMs += this.#exponential(meanMs)) {
      this.clock.advance(Math.max(0, Math.floor(atMs) - this.clock.now()))
      this.#begin()
    }
    this.clock.advance(endMs - this.clock.now())
    return { sent: this.#sent, failed: this.#failed, shares: this.#shares }
  }

  /** Lets time pass without traffic, so that everything under way ends. */
  quiet(seconds: number): void {
    this.clock.advance(seconds * 1000)
  }

  #of(endpoint: Endpoint): SimulatedServer {
    return this.#servers.get(endpoint) as SimulatedServer
  }

  /** The clock has whole milliseconds: a part of one is one by chance, and none is at once. */
  #in(ms: number, callback: () => void): void {
    const whole = Math.floor(ms + this.fleet.random.next())
    if (whole === 0) return callback()
    this.clock.setTimeout(callback, whole)
  }

  #exponential(meanMs: number): number {
    return -Math.log1p(-this.fleet.random.next()) * meanMs
  }

  // ——— requests ———

  #begin(): void {
    this.budget.requested(this.clock.now())
    this.underWay++
    this.#sent++
    this.#attempt({ repeatable: this.fleet.random.next() < 2 / 3, tried: [], retries: 0 })
  }

  #attempt(request: Request): void {
    const { pool, reports } = this.fleet
    const endpoint = pool.pick(request.tried, request.repeatable && request.retries === 0)
    if (endpoint === null) return this.#finish(false)
    const isProbe = pool.lastKind === 'probe'
    request.tried.push(endpoint)
    this.#shares.set(endpoint.id, (this.#shares.get(endpoint.id) ?? 0) + 1)
    const attempt = new Attempt(endpoint)
    reports.picked(attempt, endpoint, isProbe)
    const server = this.#of(endpoint)
    if (isProbe) this.mostProbes = Math.max(this.mostProbes, ++server.probes)
    if (server.mode === 'dead') {
      this.clock.setTimeout(() => this.#refused(request, attempt), 1)
      return
    }
    attempt.sentAtMs = this.clock.now()
    reports.waits(attempt)
    const deadline = this.clock.setTimeout(() => running.end('timeout'), TRY_MS)
    const running: Running = {
      end: status => {
        if (!server.running.delete(running)) return
        this.clock.clearTimeout(deadline)
        this.#ended(request, attempt, status)
      },
    }
    server.running.add(running)
    if (server.mode !== 'hanging') this.#answer(server, running)
  }

  #answer(server: SimulatedServer, running: Running): void {
    this.#in(this.#exponential(this.#options.answerMs), () => {
      if (server.mode === 'hanging') return
      const fails = server.mode === 'half' && this.fleet.random.next() < 0.5
      running.end(server.mode === 'failing' ? 503 : fails ? 500 : 200)
    })
  }

  /** As the pipeline does when nobody listens. */
  #refused(request: Request, attempt: Attempt): void {
    const { pool, reports } = this.fleet
    const { endpoint } = attempt
    if (attempt.isProbe) this.#of(endpoint).probes--
    reports.failed(attempt, endpoint, 'refused')
    reports.release(attempt, endpoint)
    endpoint.acceptsConnections = false
    pool.setHealth(endpoint, 'down', 'a request could not connect')
    this.#checks.hurry(this.#of(endpoint))
    this.#tryAgain(request, false)
  }

  #ended(request: Request, attempt: Attempt, status: number | 'reset' | 'timeout'): void {
    const { reports } = this.fleet
    const { endpoint } = attempt
    if (attempt.isProbe) this.#of(endpoint).probes--
    if (typeof status === 'number') {
      attempt.firstByteAtMs = this.clock.now()
      reports.heard(attempt, endpoint)
      reports.answered(attempt, endpoint, status, 0)
      reports.whole(attempt, endpoint)
    } else reports.failed(attempt, endpoint, status)
    reports.release(attempt, endpoint)
    if (status === 200) this.#finish(true)
    else if (status === 500) this.#finish(false)
    else this.#tryAgain(request, true)
  }

  #tryAgain(request: Request, sent: boolean): void {
    const allowed = request.retries === 0 && (request.repeatable || !sent) && this.fleet.pool.hasOther(request.tried)
    if (!allowed) return this.#finish(false)
    if (sent && !this.budget.tryTake()) return this.#finish(false)
    request.retries++
    this.#attempt(request)
  }

  #finish(ok: boolean): void {
    this.underWay--
    if (!ok) this.#failed++
  }
}
