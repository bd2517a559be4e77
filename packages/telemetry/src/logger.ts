// Structured JSON logs: one pino logger per process, with a child for each category.
//
// Invariants
// * Every line is one JSON object; text from outside can't forge a line, because pino escapes it, nor change what a terminal or an editor shows: what else steers one is
//   escaped here, and the line means the same.
// * Fields that carry credentials are censored by name in every program, also when someone logs a whole set of headers.
// * A logger writes to one destination that no other process writes to (two rotating writers on one file corrupt it).
import { pino, type DestinationStream, type Logger } from 'pino'

export type { Logger } from 'pino'

/** What a line is about; each category is a child logger with the field `category`. */
export const LOG_CATEGORIES = ['startup', 'performance', 'security', 'database', 'cache', 'memory'] as const
export type LogCategory = (typeof LOG_CATEGORIES)[number]

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Header and field names whose values never reach a log, wherever they stand in the logged object's first three levels. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'refreshToken',
  'accessToken',
  'proxy-authorization',
  'currentPassword',
  'newPassword',
  'passwordHash',
]
const CENSORED_PATHS = SECRET_FIELDS.flatMap(name => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`])

export interface LoggerOptions {
  /** Lowest level that's written. */
  readonly level: LogLevel
  /** Program name, in every line as `name`. */
  readonly name: string
  /** Fields for every line, for example the worker's number. */
  readonly base?: Readonly<Record<string, string | number>>
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream
}

/** Makes the process's logger. Times are ISO 8601 in UTC, levels are words. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      name: options.name,
      base: { pid: process.pid, ...options.base },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      hooks: { streamWrite: withoutSteering },
      redact: { paths: CENSORED_PATHS, censor: '[redacted]' },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  )
}

/** DEL and C1 controls, line separators, marks that turn the direction of text, a byte order mark. */
// oxlint-disable-next-line no-control-regex -- those are what's looked for
const STEERING = /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

function withoutSteering(line: string): string {
  return line.replace(STEERING, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The child of a logger for one category. */
export function categoryLogger(logger: Logger, category: LogCategory): Logger {
  return logger.child({ category })
}

/** The level of each environment: development sees everything, production what somebody has to act on. */
export function defaultLogLevel(environment: 'development' | 'staging' | 'production'): LogLevel {
  switch (environment) {
    case 'development':
      return 'debug'
    case 'staging':
      return 'info'
    case 'production':
      return 'warn'
    default:
      return environment satisfies never
  }
}
