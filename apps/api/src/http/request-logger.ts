// The logger of one request: its lines carry the request's id.
//
// Fastify gives every request a child of the application's logger. Making one costs about a tenth of a short answer, most of it for finding what's to be censored among
// the child's fields, and nearly no request logs anything in production. So children are made when their first line is written.
import type { FastifyBaseLogger } from 'fastify'
import type { Bindings, ChildLoggerOptions } from 'pino'

/** The same logger, with children that are made late; theirs too. */
export function withLateChildren(logger: FastifyBaseLogger): FastifyBaseLogger {
  return new LateLogger(() => logger)
}

class LateLogger implements FastifyBaseLogger {
  readonly #make: () => FastifyBaseLogger
  #made: FastifyBaseLogger | undefined

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make
  }

  get level(): string {
    return this.#own.level
  }

  set level(level: string) {
    this.#own.level = level
  }

  fatal(...line: unknown[]): void {
    this.#write('fatal', line)
  }

  error(...line: unknown[]): void {
    this.#write('error', line)
  }

  warn(...line: unknown[]): void {
    this.#write('warn', line)
  }

  info(...line: unknown[]): void {
    this.#write('info', line)
  }

  debug(...line: unknown[]): void {
    this.#write('debug', line)
  }

  trace(...line: unknown[]): void {
    this.#write('trace', line)
  }

  silent(): void {}

  child(bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger {
    return new LateLogger(() => this.#own.child(bindings, options))
  }

  get #own(): FastifyBaseLogger {
    return (this.#made ??= this.#make())
  }

  #write(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', line: readonly unknown[]): void {
    const own = this.#own
    // All of pino's overloads end in one function.
    own[level].apply(own, line as [object])
  }
}
