// The supervisor's own figures: how its workers are, and its process.
//
// prom-client's default metrics aren't used: three of its gauges end in `_total`, which promtool refuses, and its observers can't be
// stopped with the supervisor that started them.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { parseMetrics, type MetricSnapshot } from './metric-snapshot.ts'
import type { RecycleReasonLabel, RecycleResult } from '../recycling.ts'
import type { RestartReason, SlotStatus, WorkerState } from '../slot-status.ts'

const STATES = [
  'starting',
  'ready',
  'unready',
  'draining',
  'stopping',
  'ended',
  'backing-off',
] as const satisfies WorkerState[]

const RESTART_REASONS = [
  'crashed',
  'start-timeout',
  'channel-lost',
  'spawn-failed',
  'terminated',
  'replaced',
] as const satisfies RestartReason[]

const RECYCLE_REASONS = ['leak', 'fragmentation', 'emergency', 'age', 'other'] as const satisfies RecycleReasonLabel[]
const RECYCLE_RESULTS = ['replaced', 'drained-first', 'failed', 'superseded'] as const satisfies RecycleResult[]

/** What's read at the time of a scrape. */
export interface SupervisorFigures {
  workers(): readonly SlotStatus[]
  /** Workers that there should be. */
  wanted(): number
  /** Requests to be recycled that wait. */
  deferredRecycles(): number
}

/** From a program that only listens to one that warms caches first. */
const START_BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export class SupervisorMetrics {
  readonly #registry = new Registry()
  readonly #restarts: Counter<'reason'>
  readonly #recycles: Counter<'reason' | 'result'>
  readonly #scalings: Counter<'direction'>
  readonly #failedReplacements: Counter
  readonly #start: Histogram

  constructor(figures: SupervisorFigures) {
    this.#registry.registerMetric(
      new Gauge({
        name: 'supervisor_workers',
        help: 'Worker processes by state; one that waits to be started again counts as backing-off.',
        labelNames: ['state'],
        registers: [],
        collect() {
          const statuses = figures.workers()
          for (const state of STATES) this.set({ state }, statuses.filter(status => status.state === state).length)
        },
      }),
    )
    this.#registry.registerMetric(
      new Gauge({
        name: 'supervisor_workers_in_crash_loop',
        help: 'Workers that crashed too often and are restarted at the slowest pace.',
        registers: [],
        collect() {
          const looping = figures.workers().filter(status => status.crashLoop)
          this.set(new Set(looping.map(status => status.worker)).size)
        },
      }),
    )
    this.#registry.registerMetric(
      new Gauge({
        name: 'supervisor_workers_wanted',
        help: 'Workers that there should be; changes with the load where the fleet is scaled.',
        registers: [],
        collect() {
          this.set(figures.wanted())
        },
      }),
    )
    this.#registry.registerMetric(
      new Gauge({
        name: 'supervisor_recycles_deferred',
        help: 'Workers that asked to be replaced, or are old enough, and wait for their turn.',
        registers: [],
        collect() {
          this.set(figures.deferredRecycles())
        },
      }),
    )
    this.#recycles = new Counter({
      name: 'supervisor_recycles_total',
      help: 'What became of requests to replace a worker, by their reason.',
      labelNames: ['reason', 'result'],
      registers: [this.#registry],
    })
    for (const reason of RECYCLE_REASONS) {
      for (const result of RECYCLE_RESULTS) this.#recycles.inc({ reason, result }, 0)
    }
    this.#scalings = new Counter({
      name: 'supervisor_scalings_total',
      help: 'Workers added and taken away by load.',
      labelNames: ['direction'],
      registers: [this.#registry],
    })
    for (const direction of ['add', 'remove']) this.#scalings.inc({ direction }, 0)
    this.#failedReplacements = new Counter({
      name: 'supervisor_replacements_failed_total',
      help: "New generations that didn't get ready or failed on probation.",
      registers: [this.#registry],
    })
    this.#restarts = new Counter({
      name: 'supervisor_worker_restarts_total',
      help: 'Workers started again, by what became of the process before.',
      labelNames: ['reason'],
      registers: [this.#registry],
    })
    // From zero, so that the first crash is an increase.
    for (const reason of RESTART_REASONS) this.#restarts.inc({ reason }, 0)
    this.#start = new Histogram({
      name: 'supervisor_worker_start_seconds',
      help: 'Time from forking a worker to its being ready.',
      buckets: START_BUCKETS_SECONDS,
      registers: [this.#registry],
    })
    registerProcessMetrics(this.#registry)
  }

  restarted(reason: RestartReason): void {
    this.#restarts.inc({ reason })
  }

  recycled(reason: RecycleReasonLabel, result: RecycleResult): void {
    this.#recycles.inc({ reason, result })
  }

  scaled(direction: 'add' | 'remove'): void {
    this.#scalings.inc({ direction })
  }

  replacementFailed(): void {
    this.#failedReplacements.inc()
  }

  becameReady(startMs: number): void {
    this.#start.observe(startMs / 1000)
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** The same as values. */
  async snapshots(): Promise<MetricSnapshot[]> {
    return parseMetrics(await this.#registry.getMetricsAsJSON())
  }
}

function registerProcessMetrics(registry: Registry): void {
  let countedCpuSeconds = 0
  registry.registerMetric(
    new Counter({
      name: 'supervisor_process_cpu_seconds_total',
      help: 'User and system CPU time of the supervisor itself.',
      registers: [],
      collect() {
        const { user, system } = process.cpuUsage()
        const cpuSeconds = (user + system) / 1e6
        this.inc(cpuSeconds - countedCpuSeconds)
        countedCpuSeconds = cpuSeconds
      },
    }),
  )
  registry.registerMetric(
    new Gauge({
      name: 'supervisor_process_resident_memory_bytes',
      help: 'Resident memory of the supervisor itself.',
      registers: [],
      collect() {
        this.set(process.memoryUsage.rss())
      },
    }),
  )
  registry.registerMetric(
    new Gauge({
      name: 'supervisor_process_heap_used_bytes',
      help: 'JavaScript heap in use by the supervisor itself.',
      registers: [],
      collect() {
        this.set(process.memoryUsage().heapUsed)
      },
    }),
  )
  let lastLoop = performance.eventLoopUtilization()
  registry.registerMetric(
    new Gauge({
      name: 'supervisor_event_loop_utilization_ratio',
      help: "Share of the time since the last scrape in which the supervisor's event loop was busy.",
      registers: [],
      collect() {
        const loop = performance.eventLoopUtilization()
        this.set(performance.eventLoopUtilization(loop, lastLoop).utilization)
        lastLoop = loop
      },
    }),
  )
  const startTime = new Gauge({
    name: 'supervisor_process_start_time_seconds',
    help: 'Start time of the supervisor since the Unix epoch.',
    registers: [registry],
  })
  startTime.set(Math.round(performance.timeOrigin) / 1000)
}
