// Those who asked to be told of one thing. One that throws neither silences the others nor reaches who tells: it's reported.

export class Listeners<T> {
  readonly #all = new Set<(message: T) => void>()
  readonly #report: (error: unknown) => void

  /** `report` gets what listeners throw, and doesn't throw itself. */
  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  /** Gives the function that ends it. */
  add(listener: (message: T) => void): () => void {
    // A function of its own per subscription, so that one listener given twice can leave twice.
    const own = (message: T): void => listener(message)
    this.#all.add(own)
    return () => void this.#all.delete(own)
  }

  tell(message: T): void {
    for (const listener of this.#all) {
      try {
        listener(message)
      } catch (error) {
        this.#report(error)
      }
    }
  }

  clear(): void {
    this.#all.clear()
  }
}
