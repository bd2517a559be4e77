// What changes the fleet by order, one thing after the other: replacements, rolls, workers added and taken away.
//
// Invariants
// * At most one task runs at a time; they run in the order in which they came.
// * Who asks for what another is still waiting to begin joins it: two rolls at once are one. What has begun isn't joined: a new call may mean
//   to replace what that one has started.
// * A task that fails is its own caller's affair.
export class ReplacementQueue {
  readonly #waiting = new Map<string, Promise<void>>()
  readonly #becameIdle: () => void
  #last: Promise<void> = Promise.resolve()
  #open = 0

  constructor(becameIdle: () => void) {
    this.#becameIdle = becameIdle
  }

  /** Whether anything runs or waits. */
  get isBusy(): boolean {
    return this.#open > 0
  }

  /** Runs the task when its turn comes; `key` names what may be joined, null what may not. */
  add(key: string | null, task: () => Promise<void>): Promise<void> {
    const waiting = key === null ? undefined : this.#waiting.get(key)
    if (waiting !== undefined) return waiting
    this.#open++
    const run = this.#run(this.#last, key, task)
    if (key !== null) this.#waiting.set(key, run)
    this.#last = run.catch(() => {})
    return run
  }

  async #run(before: Promise<void>, key: string | null, task: () => Promise<void>): Promise<void> {
    await before
    if (key !== null) this.#waiting.delete(key)
    try {
      await task()
    } finally {
      this.#open--
      if (this.#open === 0) this.#becameIdle()
    }
  }
}
