// The time in which a new generation has to prove itself, while the one before it is still there.
//
//   ┌──────────┐ ready   ┌──────────────┐ probationMs ──────────────────────────► passed
//   │ starting │ ──────► │ on probation │ ends, drains, says that it's unready ──► failed, with why
//   └──────────┘         └──────────────┘
//        └── ends, or the slot is stopped: neither
//
// Invariant: decided once, in the turn in which what decides it happens.
import type { Clock } from './clock.ts'
import { describeExit, type WorkerProcess } from './worker-process.ts'

export class Probation {
  readonly process: WorkerProcess
  /** Resolves when it's over: with what went wrong, or null. */
  readonly over: Promise<string | null>
  readonly #over = Promise.withResolvers<string | null>()
  #isOver = false
  #cancelTimer: () => void = () => {}

  /** Begins when the process is ready; calls `passed` when it has stayed so. */
  constructor(process: WorkerProcess, probationMs: number, clock: Clock, passed: () => void) {
    this.process = process
    this.over = this.#over.promise
    void process.becameReady.then(isReady => {
      if (this.#isOver) return
      const pass = (): void => {
        this.cancel()
        passed()
      }
      if (!isReady) this.cancel()
      else if (probationMs === 0) pass()
      else this.#cancelTimer = clock.after(probationMs, pass)
    })
  }

  /** The process has changed its state. Gives what's wrong with that; null when nothing is, or the probation is over. */
  failure(): string | null {
    if (this.#isOver || this.process.readyAtMs === null || this.process.state === 'ready') return null
    const failure = whatFailed(this.process)
    this.#end(failure)
    return failure
  }

  /** Ends it without a verdict. */
  cancel(): void {
    this.#end(null)
  }

  #end(failure: string | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimer()
    this.#over.resolve(failure)
  }
}

function whatFailed(process: WorkerProcess): string {
  if (process.exit !== null) return describeExit(process)
  if (process.state === 'unready') return `it says that it isn't ready any more (${process.unreadyReason ?? ''})`
  return process.state === 'draining' ? 'something outside told it to end' : 'it had to be ended'
}
