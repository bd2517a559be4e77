// What others' code throws is told to whoever asked to be told, and ends nothing: not the timer it was called from, and so not the process.

/** Makes a report out of an `onError` option. It never throws: where `onError` does so itself, that's a process warning. Default: a process warning. */
export function errorReporter<E>(onError: (error: E) => void = warn): (error: E) => void {
  return error => {
    try {
      onError(error)
    } catch (failure) {
      // The log itself is broken: say it where it can't be overheard, and go on.
      warn(failure)
    }
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
