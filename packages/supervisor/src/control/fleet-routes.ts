// What the control server has to say about the fleet.
import { systemClock } from '../clock.ts'
import { messageOf, SupervisorError, type SupervisorErrorCode } from '../errors.ts'
import type { Logger } from '../options.ts'
import type { Supervisor, WorkerStatus } from '../supervisor.ts'
import { sendJson, sendProblem, sendText } from './answers.ts'
import type { ControlRequest, ControlRoute } from './control-server.ts'
import type { ServerResponse } from 'node:http'

/** Answer of GET /health. */
export interface FleetHealth {
  /** `ok`: every worker is ready. `degraded`: some are. `down`: none is. */
  readonly status: 'ok' | 'degraded' | 'down'
  /** Workers with a ready process. */
  readonly ready: number
  /** Workers there should be. */
  readonly workers: number
  /**
   * A sentence for each worker that isn't ready or crashes in a loop, which is why it isn't `ok`, and for each that waits to be recycled, which
   * alone doesn't make it `degraded`.
   */
  readonly reasons: readonly string[]
}

/** How a fleet of this state is. */
export function fleetHealth(statuses: readonly WorkerStatus[], nowMs: number): FleetHealth {
  const byWorker = Map.groupBy(statuses, status => status.worker)
  const reasons: string[] = []
  const notes: string[] = []
  let ready = 0
  let workers = 0
  for (const processes of byWorker.values()) {
    if (processes.every(({ retiring }) => retiring)) continue
    workers++
    const isReady = processes.some(({ state }) => state === 'ready')
    if (isReady) ready++
    for (const { worker, recycleRequested } of processes) {
      if (recycleRequested === null) continue
      const { reason, detail, sinceMs } = recycleRequested
      notes.push(
        `worker ${worker} has waited to be recycled for ${seconds(nowMs - sinceMs)}: ${reason}${detail === '' ? '' : ` (${detail})`}`,
      )
    }
    // The newest generation speaks for its worker.
    const newest = processes.at(-1)
    if (newest !== undefined && (!isReady || newest.crashLoop)) reasons.push(reasonOf(newest, nowMs))
  }
  const status = ready === 0 ? 'down' : reasons.length > 0 ? 'degraded' : 'ok'
  return { status, ready, workers, reasons: [...reasons, ...notes] }
}

function reasonOf(
  { worker, state, unreadyReason, crashLoop, recentCrashes, lastExit, nextStartAtMs }: WorkerStatus,
  nowMs: number,
): string {
  const parts = [`worker ${worker} is ${state}`]
  if (unreadyReason !== null && unreadyReason !== '') parts.push(`it says: ${unreadyReason}`)
  if (crashLoop) parts.push(`in a crash loop (${recentCrashes} crashes)`)
  if (nextStartAtMs !== undefined) parts.push(`next start in ${seconds(nextStartAtMs - nowMs)}`)
  if (lastExit !== null) parts.push(`last exit: ${lastExit.signal ?? `code ${lastExit.code}`}, ${lastExit.reason}`)
  return parts.join(', ')
}

function seconds(ms: number): string {
  return `${Math.max(0, ms / 1000).toFixed(1)} s`
}

/** The control server's own routes. */
export function fleetRoutes(
  supervisor: Pick<Supervisor, 'metrics' | 'workers' | 'replace'>,
  logger: Logger,
): ControlRoute[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      async handle(_request, response) {
        sendText(response, 200, 'text/plain; version=0.0.4; charset=utf-8', await supervisor.metrics())
      },
    },
    {
      method: 'GET',
      path: '/health',
      handle(_request, response) {
        const health = fleetHealth(supervisor.workers(), systemClock.now())
        sendJson(response, health.status === 'down' ? 503 : 200, health)
      },
    },
    {
      method: 'GET',
      path: '/workers',
      handle(_request, response) {
        sendJson(response, 200, { workers: supervisor.workers() })
      },
    },
    {
      method: 'POST',
      path: '/workers/replace',
      handle: (request, response) => replace(request, response),
    },
    {
      method: 'POST',
      path: '/workers/:worker/replace',
      async handle(request, response) {
        const text = request.parameters['worker'] ?? ''
        if (/^\d{1,6}$/.test(text)) await replace(request, response, Number(text))
        else
          sendProblem(
            response,
            404,
            'SUPERVISOR_ERR_UNKNOWN_WORKER',
            'There is no such worker',
            'A worker is a number from 0.',
          )
      },
    },
  ]

  async function replace({ message }: ControlRequest, response: ServerResponse, worker?: number): Promise<void> {
    const replacement = supervisor.replace(worker)
    if (/(^|[\s,;])respond-async($|[\s,;])/i.test(String(message.headers['prefer'] ?? ''))) {
      replacement.catch((error: unknown) => {
        logger.error({ worker, error: messageOf(error) }, 'A replacement of workers failed.')
      })
      response.setHeader('preference-applied', 'respond-async')
      sendJson(response, 202, { workers: supervisor.workers() })
      return
    }
    try {
      await replacement
    } catch (error) {
      if (!(error instanceof SupervisorError)) throw error
      sendProblem(response, statusOf(error.code), error.code, 'The replacement failed', error.message)
      return
    }
    sendJson(response, 200, { workers: supervisor.workers() })
  }
}

function statusOf(code: SupervisorErrorCode): number {
  if (code === 'SUPERVISOR_ERR_UNKNOWN_WORKER') return 404
  if (code === 'SUPERVISOR_ERR_OTHERS_NOT_READY') return 409
  return code === 'SUPERVISOR_ERR_NOT_RUNNING' ? 503 : 500
}
