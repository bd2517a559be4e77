// What a circuit has to be, as plainly as possible: it keeps every outcome since the last change and looks back over all of them.
import type { CircuitOptions, CircuitState } from '../../src/upstream/circuit-breaker.ts'

export class CircuitModel {
  state: CircuitState = 'closed'
  probes = 0
  opens = 0
  untilMs = 0
  readonly #options: CircuitOptions
  #row = 0
  #closedAtMs = 0
  #halfOpenAtMs = 0
  #seen: { ok: boolean; atMs: number }[] = []

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  shouldOpen(ok: boolean, nowMs: number): boolean {
    if (this.state !== 'closed') return false
    this.#seen.push({ ok, atMs: nowMs })
    if (ok) return false
    const { consecutiveFailures, minSuccessRatio, minRequests, windowMs } = this.#options
    const sinceGood = this.#seen.length - 1 - this.#seen.findLastIndex(one => one.ok)
    if (consecutiveFailures > 0 && sinceGood >= consecutiveFailures) return true
    const recent = this.#seen.filter(({ atMs }) => Math.floor(atMs / (windowMs / 10)) > nowMs / (windowMs / 10) - 10)
    const good = recent.filter(one => one.ok).length
    return recent.length >= minRequests && good / recent.length < minSuccessRatio
  }

  open(nowMs: number): void {
    const { baseMs, maxMs } = this.#options
    // One off the row for each whole base time in closed.
    if (this.state === 'closed')
      for (let ms = this.#closedAtMs + baseMs; ms <= nowMs && this.#row > 0; ms += baseMs) this.#row--
    this.#row++
    this.untilMs = nowMs + Math.min(maxMs, this.#row * baseMs)
    this.state = 'open'
    this.probes = 0
    this.opens++
    this.#seen = []
  }

  halfOpen(nowMs: number): void {
    if (this.state !== 'open') return
    this.state = 'half-open'
    this.probes = 0
    this.#halfOpenAtMs = nowMs
  }

  mayProbe(repeatable: boolean, nowMs: number): boolean {
    return this.state === 'half-open' && this.probes === 0 && (repeatable || nowMs - this.#halfOpenAtMs >= 1000)
  }

  close(nowMs: number): void {
    this.state = 'closed'
    this.probes = 0
    this.#closedAtMs = nowMs
    this.#seen = []
  }
}
