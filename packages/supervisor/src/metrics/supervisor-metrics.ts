// The supervisor's own figures: how its workers are, and its process.
//
// prom-client's default metrics aren't used: three of its gauges end in `_total`, which promtool refuses, and its observers can't be
// stopped with the supervisor that started them.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { RestartReason, WorkerState, WorkerStatus } from '../worker-slot.ts'

const STATES = ['starting', 'ready', 'draining', 'stopping', 'ended', 'backing-off'] as const satisfies WorkerState[]

const RESTART_REASONS = [
  'crashed',
  'start-timeout',
  'channel-lost',
  'spawn-failed',
  'terminated',
  'replaced',
] as const satisfies RestartReason[]

/** From a program that only listens to one that warms caches first. */
const START_BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export class SupervisorMetrics {
  readonly #registry = new Registry()
  readonly #restarts: Counter<'reason'>
  readonly #start: Histogram

  constructor(workers: () => readonly WorkerStatus[]) {
    this.#registry.registerMetric(
      new Gauge({
        name: 'supervisor_workers',
        help: 'Worker processes by state; one that waits to be started again counts as backing-off.',
        labelNames: ['state'],
        registers: [],
        collect() {
          const statuses = workers()
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
          const looping = workers().filter(status => status.crashLoop)
          this.set(new Set(looping.map(status => status.worker)).size)
        },
      }),
    )
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

  becameReady(startMs: number): void {
    this.#start.observe(startMs / 1000)
  }

  text(): Promise<string> {
    return this.#registry.metrics()
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
