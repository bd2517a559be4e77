// Asks one endpoint again and again whether it serves.
//
//   starting ──1 pass──► up ──`fall` failures in a row──► down ──`rise` passes in a row──► up
//
// Invariants
// * One check at a time; the next is planned when the last has ended, so a slow endpoint isn't asked faster than it answers.
// * Checks of many endpoints spread by jitter of ± 10 %.
// * While anything is in doubt (starting, down, or a failure in the row) checks come at `changingIntervalMs`.
import { request } from 'node:http'
import { connect } from 'node:net'
import { channels, type HealthCheckFinished } from '../channels.ts'
import { connectOptions, requestOptions } from '../upstream/address.ts'
import type { Endpoint, EndpointHealth } from '../upstream/endpoint.ts'

export interface ActiveCheckOptions {
  readonly path: string
  readonly intervalMs: number
  readonly changingIntervalMs: number
  readonly timeoutMs: number
  readonly fall: number
  readonly rise: number
}

/** One answer: null when the check passed, else what went wrong. */
export type Probe = (endpoint: Endpoint, signal: AbortSignal) => Promise<string | null>

/** GET the path; 200-399 passes. */
export function httpProbe(path: string): Probe {
  return (endpoint, signal) =>
    new Promise(resolve => {
      const asked = request(
        {
          ...requestOptions(endpoint.address),
          method: 'GET',
          path,
          agent: false,
          signal,
          headers: { host: endpoint.address.authority, 'user-agent': 'plimsoll-health-check', connection: 'close' },
        },
        answer => {
          const status = answer.statusCode ?? 0
          answer.resume()
          answer.on('error', () => {})
          resolve(status >= 200 && status < 400 ? null : `GET ${path} answered ${status}`)
        },
      )
      asked.on('error', error => resolve(`GET ${path}: ${(error as NodeJS.ErrnoException).code ?? error.message}`))
      asked.end()
    })
}

/** Open a connection; that it opens passes. */
export function connectProbe(): Probe {
  return (endpoint, signal) =>
    new Promise(resolve => {
      const socket = connect(connectOptions(endpoint.address))
      const settle = (result: string | null) => {
        signal.removeEventListener('abort', onAbort)
        socket.destroy()
        resolve(result)
      }
      const onAbort = () => settle('connect: no answer in time')
      socket.once('connect', () => settle(null))
      socket.once('error', error => settle(`connect: ${(error as NodeJS.ErrnoException).code ?? error.message}`))
      signal.addEventListener('abort', onAbort)
    })
}

/** Told of what checks show. */
export interface CheckListener {
  setHealth(health: EndpointHealth, reason: string): void
  /** After each check, before the channel `lb:health-check:finished`. */
  onChecked(check: HealthCheckFinished): void
}

export class ActiveCheck {
  readonly #endpoint: Endpoint
  readonly #options: ActiveCheckOptions
  readonly #probe: Probe
  readonly #random: { next(): number }
  readonly #listener: CheckListener
  #passesInRow = 0
  #failuresInRow = 0
  #everPassed = false
  #timer: NodeJS.Timeout | null = null
  #running: AbortController | null = null
  #stopped = false

  constructor(
    endpoint: Endpoint,
    options: ActiveCheckOptions,
    probe: Probe,
    random: { next(): number },
    listener: CheckListener,
  ) {
    this.#endpoint = endpoint
    this.#options = options
    this.#probe = probe
    this.#random = random
    this.#listener = listener
  }

  start(): void {
    void this.#check()
  }

  /** Looks again at once: a request has just failed to connect. */
  hurry(): void {
    if (this.#stopped || this.#running) return
    if (this.#timer) clearTimeout(this.#timer)
    void this.#check()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#running?.abort()
  }

  async #check(): Promise<void> {
    const controller = new AbortController()
    this.#running = controller
    const deadline = setTimeout(() => controller.abort(), this.#options.timeoutMs)
    const fromMs = performance.now()
    const seen = await this.#probe(this.#endpoint, controller.signal)
    const durationMs = performance.now() - fromMs
    clearTimeout(deadline)
    this.#running = null
    if (this.#stopped) return
    const failure = seen !== null && controller.signal.aborted ? `no answer within ${this.#options.timeoutMs} ms` : seen
    const check: HealthCheckFinished = { endpoint: this.#endpoint, durationMs, failure }
    this.#listener.onChecked(check)
    channels.healthCheckFinished.publish(check)
    this.#record(failure)
    this.#timer = setTimeout(() => void this.#check(), this.#delayMs())
  }

  #record(failure: string | null): void {
    if (failure === null) {
      this.#passesInRow++
      this.#failuresInRow = 0
      const needed = this.#everPassed ? this.#options.rise : 1
      if (this.#endpoint.health !== 'up' && this.#passesInRow >= needed)
        this.#listener.setHealth('up', `${this.#passesInRow} checks passed`)
      this.#everPassed = true
      return
    }
    this.#failuresInRow++
    this.#passesInRow = 0
    if (this.#endpoint.health === 'down' || this.#failuresInRow >= this.#options.fall) {
      this.#listener.setHealth('down', `${this.#failuresInRow} checks failed, the last: ${failure}`)
    } else if (this.#endpoint.health === 'starting') {
      this.#listener.setHealth('starting', `the first check has not passed yet: ${failure}`)
    }
  }

  #delayMs(): number {
    const steady = this.#endpoint.health === 'up' && this.#failuresInRow === 0
    const base = steady
      ? this.#options.intervalMs
      : Math.min(this.#options.changingIntervalMs, this.#options.intervalMs)
    return base * (0.9 + 0.2 * this.#random.next())
  }
}
