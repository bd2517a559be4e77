// Ids of requests: unique over processes and restarts, short, cheap: a random prefix per process and a counter.

/** What a trusted peer's id may look like; anything else is replaced by one of ours. */
const ACCEPTED = /^[\w.~+/=:-]{1,128}$/

export class RequestIds {
  readonly #prefix: string
  #count = 0

  /** `random` gives numbers from 0 (included) to 1. */
  constructor(random: { next(): number }) {
    const part = () =>
      Math.floor(random.next() * 36 ** 5)
        .toString(36)
        .padStart(5, '0')
    this.#prefix = `${part()}${part()}-`
  }

  next(): string {
    return this.#prefix + (++this.#count).toString(36)
  }

  static accepts(id: string): boolean {
    return ACCEPTED.test(id)
  }
}
