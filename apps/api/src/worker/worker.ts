// One worker: dependencies, application, listening, and the way down in reverse.
import { createServerDrain, type ServerDrainOptions } from '@plimsoll/supervisor'
import type { Logger, Registry } from '@plimsoll/telemetry'
import { createApp, type AppOptions } from '../app.ts'
import type { Clock } from '../database/probe.ts'
import { createDependencies, type DependenciesOptions, type Surroundings } from '../dependencies.ts'
import { Draining } from './drain.ts'

/** Where to listen. */
export type Listen = { readonly path: string } | { readonly host: string; readonly port: number }

export interface WorkerOptions {
  readonly listen: Listen
  readonly dependencies: DependenciesOptions
  readonly app: Omit<AppOptions, 'unixSocket'>
  readonly drain: ServerDrainOptions
}

export interface WorkerSurroundings {
  readonly logger: Logger
  readonly clock: Clock
  readonly random: { next(): number }
  readonly supervision: Surroundings['supervision']
}

export interface Worker {
  /** `unix:/path` or `http://host:port`, the port that was really taken. */
  readonly address: string
  readonly registry: Registry
  /** Why it isn't fit to serve, though it isn't ending; undefined while it is. */
  unreadyReason(): string | undefined
  /** Answers everything, closes, and gives up the database. */
  drain(): Promise<void>
}

/**
 * Starts a worker; resolves when it listens.
 * @throws the system's error when the address can't be taken, API_ERR_ROUTE_UNDOCUMENTED for a mistake in the code
 */
export async function startWorker(options: WorkerOptions, surroundings: WorkerSurroundings): Promise<Worker> {
  const draining = new Draining()
  const dependencies = await createDependencies(options.dependencies, { ...surroundings, drainState: draining })
  try {
    const app = createApp(dependencies, { ...options.app, unixSocket: 'path' in options.listen })
    const serverDrain = createServerDrain(app.server, () => app.close(), options.drain)
    const address = await app.listen({
      ...options.listen,
      listenTextResolver: address => `worker listens on ${address}`,
    })
    void dependencies.warmUp?.run()
    return {
      address: 'path' in options.listen ? `unix:${options.listen.path}` : address,
      registry: dependencies.registry,
      unreadyReason() {
        const { status, connections } = dependencies.health.health().database
        // A new worker gets no patience: what only it can't reach is its own fault, and the one before still serves.
        const neverReached = connections === null && status !== 'up'
        return neverReached || status === 'down' ? 'the database can not be reached' : undefined
      },
      async drain() {
        draining.begin()
        await serverDrain.drain()
        await dependencies.close()
      },
    }
  } catch (error) {
    await dependencies.close()
    throw error
  }
}
