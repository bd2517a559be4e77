// An open loop: reads begin at times that were drawn before (Poisson arrivals), and no answer changes them, so a way that can't keep up shows it in its latency,
// which counts from the time at which a read was due.
//
//     generator started ──► warming up ──► measuring ──► draining ──all answered──► done
//
// Arrivals come as they do in a server: over several sockets, each in an event of its own, from another process. Timers of this one would gather them by
// milliseconds, and a loop that looks for the next arrival all the time would make turns of the event loop that no server has. Both would make a batch's size.
import type { OpenLoopOrder, OpenLoopResult } from './client-protocol.ts'
import { startArrivals } from './arrivals.ts'
import { faultOf } from './items.ts'
import { KeyRing } from './key-ring.ts'
import { Latencies } from './latencies.ts'
import { Meter } from './meter.ts'
import type { Reader } from './readers.ts'

const QUANTILES = { p50Ms: 0.5, p99Ms: 0.99 }
const DRAIN_TIMEOUT_MS = 20_000

/** @throws Error when an answer was wrong, a read failed, or the last one wasn't answered in time */
export async function runOpenLoop(reader: Reader, order: OpenLoopOrder): Promise<OpenLoopResult> {
  const run = new OpenLoopRun(reader, order)
  const arrivals = await startArrivals(
    {
      perSecond: order.readsPerSecond / order.readsPerArrival,
      forMs: order.warmupMs + order.measureMs,
      seed: order.seed,
      core: order.generatorCore,
    },
    dueAtMs => run.arrived(dueAtMs),
  )
  try {
    return await Promise.race([arrivals.ended.then(() => run.drained()), run.failed])
  } finally {
    arrivals.stop()
  }
}

class OpenLoopRun {
  readonly failed: Promise<never>
  readonly #reader: Reader
  readonly #order: OpenLoopOrder
  readonly #keys: KeyRing
  readonly #latencies = new Latencies()
  readonly #lags = new Latencies()
  readonly #fail: (error: unknown) => void
  #measuredFromMs = Infinity
  #meter: Meter | null = null
  /** Reads since the meter runs: of a way that can't keep up, also some that were due before. */
  #answered = 0
  #underWay = 0
  #onIdle: (() => void) | null = null

  constructor(reader: Reader, order: OpenLoopOrder) {
    this.#reader = reader
    this.#order = order
    this.#keys = new KeyRing(order.seed)
    const { promise, reject } = Promise.withResolvers<never>()
    this.failed = promise
    this.#fail = reject
    // Whoever waits for the run sees it; when that's over, nobody has to.
    promise.catch(() => {})
  }

  /** @hot */
  arrived(dueAtMs: number): void {
    if (this.#measuredFromMs === Infinity) this.#measuredFromMs = dueAtMs + this.#order.warmupMs
    const measured = dueAtMs >= this.#measuredFromMs
    if (measured) {
      this.#meter ??= new Meter(this.#reader)
      this.#lags.add(performance.now() - dueAtMs)
    }
    for (let i = 0; i < this.#order.readsPerArrival; i++) void this.#read(dueAtMs, measured)
  }

  /** Resolves when everything is answered. */
  async drained(): Promise<OpenLoopResult> {
    const idle = Promise.withResolvers<void>()
    if (this.#underWay > 0) {
      this.#onIdle = idle.resolve
      const timer = setTimeout(
        () =>
          idle.reject(
            new Error(`${this.#underWay} reads had no answer ${DRAIN_TIMEOUT_MS / 1000} s after the last one was due`),
          ),
        DRAIN_TIMEOUT_MS,
      )
      await idle.promise.finally(() => clearTimeout(timer))
    }
    if (this.#meter === null) throw new Error('nothing was measured: the generator was too slow, or the time too short')
    const { p50Ms, p99Ms } = this.#latencies.quantilesMs(QUANTILES)
    const lag = this.#lags.quantilesMs(QUANTILES)
    const measured = { reads: this.#answered, ...this.#meter.read() }
    return { ...measured, p50Ms, p99Ms, startLagP50Ms: lag.p50Ms, startLagP99Ms: lag.p99Ms }
  }

  async #read(dueAtMs: number, measured: boolean): Promise<void> {
    const id = this.#keys.next()
    this.#underWay++
    try {
      const fault = faultOf(await this.#reader.read(id), id)
      if (fault !== null) throw new Error(fault)
      if (this.#meter !== null) this.#answered++
      if (measured) this.#latencies.add(performance.now() - dueAtMs)
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#underWay--
      if (this.#underWay === 0) this.#onIdle?.()
    }
  }
}
