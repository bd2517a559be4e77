// The drill's service as a program: our supervisor with workers that leak. SIGHUP replaces all workers, SIGTERM ends in order.
//
// Told over IPC what to be; ends with whoever started it. All that happens to its workers it reports there.
import { subscribe } from 'node:diagnostics_channel'
import path from 'node:path'
import {
  CHANNELS,
  createEndpointFile,
  createSupervisor,
  type RecycleRequestedEvent,
  type Supervisor,
  type WorkerEndedEvent,
  type WorkerReplacedEvent,
  type WorkerStartedEvent,
} from '@plimsoll/supervisor'
import { isServiceStart, type ServiceEvent, type ServiceStart, WORKER_VARIABLES } from './service-protocol.ts'

let supervisor: Supervisor | null = null

function report(event: ServiceEvent): void {
  if (process.connected) process.send?.(event)
}

function epochMs(): number {
  return performance.timeOrigin + performance.now()
}

async function start(order: ServiceStart): Promise<void> {
  const { workers, runFolder, overlapMs, drainNoticeMs, leak } = order
  const endpointFile = createEndpointFile(order.endpointFile)
  subscribeToEvents()
  supervisor = createSupervisor({
    entry: path.join(import.meta.dirname, 'worker.ts'),
    workers,
    runFolder,
    overlapMs,
    drainNoticeMs,
    // What watches the memory collects garbage by itself, see leak-watch.ts.
    execArgv: [`--max-old-space-size=${leak.oldSpaceMib}`, '--expose-gc'],
    env: {
      ...process.env,
      // Modules are compiled once for all workers and starts.
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? path.join(runFolder, 'compile-cache'),
      [WORKER_VARIABLES.ledgerFolder]: order.ledgerFolder,
      [WORKER_VARIABLES.leak]: JSON.stringify(leak),
      [WORKER_VARIABLES.mistakes]: order.mistakes.join(','),
    },
    logger: { info() {}, warn: complain, error: complain },
    // How often leaks are recycled in an hour is for services, not for drills.
    recycling: { maxPerHour: 10_000, minIntervalMs: 0 },
    onChange: async endpoints => {
      await endpointFile.write(endpoints)
      report({ kind: 'announced', ready: endpoints.filter(({ state }) => state === 'ready').length, atMs: epochMs() })
    },
  })
  await supervisor.start()
  report({ kind: 'serving' })
}

function subscribeToEvents(): void {
  subscribe(CHANNELS.started, message => {
    const { worker, generation, pid } = message as WorkerStartedEvent
    report({ kind: 'started', worker, generation, pid: pid ?? 0, atMs: epochMs() })
  })
  subscribe(CHANNELS.recycleRequested, message => {
    const { worker, generation, reason, detail } = message as RecycleRequestedEvent
    report({ kind: 'asked', worker, generation, reason, detail, atMs: epochMs() })
  })
  subscribe(CHANNELS.replaced, message => {
    const { worker, previousGeneration } = message as WorkerReplacedEvent
    report({ kind: 'replaced', worker, generation: previousGeneration, atMs: epochMs() })
  })
  subscribe(CHANNELS.ended, message => {
    const { worker, generation, exit } = message as WorkerEndedEvent
    const how = exit.signal ?? `exit code ${exit.code}`
    const isCrash = exit.reason !== 'drained'
    report({ kind: 'ended', worker, generation, crashed: isCrash, how: `${exit.reason}, ${how}`, atMs: epochMs() })
  })
}

function complain(fields: object, message: string): void {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
}

async function roll(): Promise<void> {
  let error: string | null = null
  try {
    await supervisor?.replace()
  } catch (thrown) {
    error = (thrown as Error).message
  }
  report({ kind: 'rolled', error, atMs: epochMs() })
}

async function stop(): Promise<void> {
  await supervisor?.stop()
  process.exit(0)
}

process.on('message', message => {
  if (!isServiceStart(message)) return
  start(message).catch((error: unknown) => {
    const reason = (error as Error).message
    report({ kind: 'failed', reason })
    process.stderr.write(`${reason}\n`)
    process.exit(1)
  })
})
process.on('SIGHUP', () => void roll())
process.once('SIGTERM', () => void stop())
process.once('disconnect', () => void stop())
