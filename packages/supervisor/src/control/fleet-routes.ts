// What the control server has to say about the fleet.
import { systemClock } from '../clock.ts'
import { messageOf, SupervisorError, type SupervisorErrorCode } from '../errors.ts'
import type { Logger } from '../options.ts'
import { fleetHealth } from '../fleet-health.ts'
import type { Supervisor } from '../supervisor.ts'
import { sendJson, sendProblem, sendText } from './answers.ts'
import type { ControlRequest, ControlRoute } from './control-server.ts'
import type { ServerResponse } from 'node:http'

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
