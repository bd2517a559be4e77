// What an answer's value becomes on its way out: its text, its tag, and its bytes in each coding that somebody has asked for.
//
//     value (the cache's own, frozen) ──serialised once──▶ text, tag ──compressed once per coding──▶ bytes
//
// While a value stays in the worker's memory, the cache gives everybody the same object. What was made of it is kept with it, under the object itself, and goes when
// the object goes: nothing has to be invalidated, and the limits of the cache are limits here.
import { weakTag } from './entity-tag.ts'

export class PreparedAnswer {
  readonly body: string | Buffer
  readonly tag: string
  /** Whether it will be asked for again. */
  readonly isKept: boolean
  readonly #codings = new Map<string, Buffer>()

  constructor(body: string | Buffer, isKept: boolean) {
    this.body = body
    this.tag = weakTag(body)
    this.isKept = isKept
  }

  /** In a coding that it was asked for before. */
  bytes(coding: string): Buffer | undefined {
    return this.#codings.get(coding)
  }

  keep(coding: string, bytes: Buffer): void {
    this.#codings.set(coding, bytes)
  }
}

/** Of one address: another one might show the same value otherwise. */
export class PreparedAnswers {
  readonly #byValue = new WeakMap<object, PreparedAnswer>()
  /** Documents that are made once, at the start, are the same text each time. */
  #lastText: PreparedAnswer | undefined

  /** @param serialise - called when there's none of this value yet */
  ofValue(value: object, serialise: (value: object) => string): PreparedAnswer {
    const known = this.#byValue.get(value)
    if (known !== undefined) return known
    // What isn't frozen may be another one next time. The cache freezes at any depth.
    const isKept = Object.isFrozen(value)
    const answer = new PreparedAnswer(serialise(value), isKept)
    if (isKept) this.#byValue.set(value, answer)
    return answer
  }

  ofText(text: string | Buffer): PreparedAnswer {
    if (this.#lastText?.body !== text) this.#lastText = new PreparedAnswer(text, true)
    return this.#lastText
  }
}

/** More wordings of `accept-encoding` than clients have; beyond, it begins anew. */
const MOST_WORDINGS = 64

/** Which coding was chosen for what a client accepts: the compressing plugin's choice, noted when it made it. */
export class CodingChoices {
  readonly #byWording = new Map<string, string>()

  of(accepted: string | undefined): string | undefined {
    return accepted === undefined ? undefined : this.#byWording.get(accepted)
  }

  note(accepted: string, coding: string): void {
    if (this.#byWording.size >= MOST_WORDINGS) this.#byWording.clear()
    this.#byWording.set(accepted, coding)
  }
}
