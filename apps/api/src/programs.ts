// What the API's programs have in common: a clock, log destinations, how a failure is told.
import { ConfigError } from '@plimsoll/config'
import { DbError } from '@plimsoll/db-optimizer'
import { createLogger, openLogFile, type Logger } from '@plimsoll/telemetry'
import { SupervisorError } from '@plimsoll/supervisor'
import packageJson from '../package.json' with { type: 'json' }
import type { WorkerConfig } from './config/schemas.ts'
import { logLevel } from './config/settings.ts'
import type { Clock } from './database/probe.ts'
import { SetupError } from './errors.ts'

/** Version of the API, from package.json. */
export const VERSION = packageJson.version

/** Milliseconds since the epoch, in fractions and without the jumps of the system's clock. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout | undefined),
}

export const systemRandom = { next: () => Math.random() }

/**
 * The logger of one process, on its own file when there is to be one.
 * @param processName unlike that of any other process that runs at the same time
 */
export async function openLogger(
  config: Pick<WorkerConfig, 'environment' | 'log'>,
  processName: string,
  base: Readonly<Record<string, string | number>> = {},
): Promise<Logger> {
  const level = logLevel(config)
  if (config.log.file === undefined) return createLogger({ level, name: 'api', base })
  return createLogger({
    level,
    name: 'api',
    base,
    destination: await openLogFile({ path: `${config.log.file}-${processName}` }),
  })
}

/** The one line for somebody who started a program that can't run; the whole error where nobody expected it. */
export function explain(program: string, error: unknown): string {
  const expected =
    error instanceof SetupError ||
    error instanceof ConfigError ||
    error instanceof SupervisorError ||
    error instanceof DbError
  if (expected) return `${program}: ${error.message}`
  const { code, address, port } = error as { code?: string; address?: string; port?: number }
  const where = port === undefined ? (address ?? 'its address') : `port ${port}`
  if (code === 'EADDRINUSE')
    return `${program}: ${where} is in use (${code}). Stop the program that has it, or choose another.`
  if (code === 'EACCES') return `${program}: not allowed to use ${where} (${code}). Choose another, or another user.`
  return `${program}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}
