// Where queries were written: an error that comes back from a socket has no useful stack of its own.
//
// One stack per template, taken when it's first used; frames are only formatted when a query fails.
import type { DbError } from '../errors.ts'

export class Origins {
  readonly #written = new WeakMap<object, Error>()

  /** @param tag the function whose caller wrote it. @hot */
  remember(template: object, tag: (...args: never[]) => unknown): void {
    if (this.#written.has(template)) return
    const written = new Error('written here')
    Error.captureStackTrace(written, tag)
    this.#written.set(template, written)
  }

  /** Puts the place into the error's stack. */
  explain(template: object, error: DbError): DbError {
    const stack = this.#written.get(template)?.stack
    if (stack === undefined) return error
    const frames = stack.slice(stack.indexOf('\n') + 1)
    const value = `${error.name}: ${error.message}\n${frames}`
    Object.defineProperty(error, 'stack', { value, configurable: true, writable: true })
    return error
  }
}
