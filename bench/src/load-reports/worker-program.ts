// A worker that reports its load in every answer: steady, slow or collecting, by its orders. Started over IPC; it ends with whoever started it.
//
// Work holds the event loop without using the processor: Atomics.wait. To the worker, its requests and its reports that's the same as work, but three
// workers of one core each then fit on a machine with two. Collections are real, and need the processor; but they're asked for by count of requests, so
// that a worker which gets fewer of them collects less, and each machine collects as often as the next.
import { createServer, type ServerResponse } from 'node:http'
import { constants, performance, PerformanceObserver } from 'node:perf_hooks'
import { createLoadReporter, LOAD_REPORT_HEADER } from '@plimsoll/load-report'
import { keepObjects } from './kept-objects.ts'
import {
  answerBody,
  HEALTH_PATH,
  WORK_PATH,
  type WorkerOrder,
  type WorkerReport,
  type WorkerStart,
} from './worker-protocol.ts'

/** Longer than the balancer keeps a connection that nobody uses. */
const KEEP_ALIVE_MS = 72_000

/** What Node's entries of type 'gc' have, and its types leave out. */
interface CollectionEntry {
  readonly duration: number
  readonly detail: { readonly kind: number }
}

class Meter {
  #requests = 0
  #majorCollections = 0
  #longestPauseMs = 0
  #loop = performance.eventLoopUtilization()
  readonly #observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) this.#collected(entry as unknown as CollectionEntry)
  })

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  answered(): void {
    this.#requests++
  }

  begin(): void {
    this.#requests = 0
    this.#majorCollections = 0
    this.#longestPauseMs = 0
    this.#loop = performance.eventLoopUtilization()
  }

  figures(): WorkerReport {
    return {
      kind: 'figures',
      requests: this.#requests,
      utilization: performance.eventLoopUtilization(this.#loop).utilization,
      majorCollections: this.#majorCollections,
      longestPauseMs: this.#longestPauseMs,
    }
  }

  #collected({ duration, detail }: CollectionEntry): void {
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#majorCollections++
    this.#longestPauseMs = Math.max(this.#longestPauseMs, duration)
  }
}

function serve({ socketPath, behaviour }: WorkerStart, meter: Meter): void {
  const { name, holdMs, keptMib, collectEvery } = behaviour
  const kept = keepObjects(keptMib)
  let answered = 0
  const never = new Int32Array(new SharedArrayBuffer(4))
  const reporter = createLoadReporter()
  const answer = (response: ServerResponse, status: number, body: string): void => {
    response.writeHead(status, { 'content-length': body.length, [LOAD_REPORT_HEADER]: reporter.header() }).end(body)
  }
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const url = request.url ?? ''
    // Checks aren't counted: a server's capacity is judged by its work.
    if (url === HEALTH_PATH) return answer(response, 200, 'well\n')
    if (!url.startsWith(WORK_PATH)) return answer(response, 404, 'no\n')
    Atomics.wait(never, 0, 0, holdMs)
    reporter.requestEnded(false)
    meter.answered()
    answer(response, 200, answerBody(name, url.slice(WORK_PATH.length)))
    answered++
    if (collectEvery > 0 && answered % collectEvery === 0) setImmediate(collect, kept)
  })
  server.listen(socketPath, () => tell({ kind: 'listening' }))
}

/** `_alive` is what it has to visit, and is kept until then. */
function collect(_alive: object): void {
  globalThis.gc?.()
}

function tell(report: WorkerReport): void {
  process.send?.(report)
}

const meter = new Meter()
process.once('disconnect', () => process.exit(0))
process.on('message', (order: WorkerOrder) => {
  if (order.kind === 'start') serve(order, meter)
  else if (order.kind === 'begin') meter.begin()
  else tell(meter.figures())
})
