// What is known of statements' texts: asked once per text, by all callers together, and remembered.
//
//     unknown ──find()──► asked (at most 2 at once) ──► known, for 10 minutes ──► asked again
//                              └─ refused by the server ──► known as "nothing is known": for 10 minutes, or 5 s where it may pass
//
// Bounded: two generations of at most `maxTexts`; a text that is used moves to the young one. What was asked before `forget()` isn't remembered.
import { DbError } from '../errors.ts'
import { dependenciesByWords, type Dependencies, type StatementText } from './dependencies.ts'
import { ANY_TABLE } from './query-cache.ts'
import { changesNames, mayWriteByWords } from './utility-statements.ts'

/** Finds it out. @throws when it can't be */
export type Analyse = (statement: StatementText) => Promise<Dependencies>

export interface Known extends Dependencies {
  /** False: the server couldn't be asked, or didn't understand. */
  readonly analysed: boolean
}

export interface KnownStatementsOptions {
  /** Texts per generation. Default 1000. */
  readonly maxTexts?: number
}

interface Entry {
  readonly known: Known
  readonly untilMs: number
}

/** The schema may be changed by others: so long it isn't noticed. */
const LIFE_MS = 600_000
/** After a failure that may pass. */
const RETRY_MS = 5000
/** A longer text isn't sent a second time. */
const MAX_TEXT_LENGTH = 100_000
const MAX_AT_ONCE = 2

export class KnownStatements {
  readonly #analyse: Analyse
  readonly #clock: { now(): number }
  readonly #maxTexts: number
  #young = new Map<string, Entry>()
  #old = new Map<string, Entry>()
  readonly #asked = new Map<string, Promise<Known>>()
  readonly #turns: (() => void)[] = []
  #running = 0
  #generation = 0

  constructor(analyse: Analyse, clock: { now(): number }, options: KnownStatementsOptions = {}) {
    this.#analyse = analyse
    this.#clock = clock
    this.#maxTexts = options.maxTexts ?? 1000
  }

  /** What's known at this moment. @hot */
  peek(statement: StatementText): Known | undefined {
    const key = keyOf(statement)
    let entry = this.#young.get(key)
    if (entry === undefined) {
      entry = this.#old.get(key)
      if (entry !== undefined) this.#keep(key, entry)
    }
    return entry !== undefined && entry.untilMs > this.#clock.now() ? entry.known : undefined
  }

  /** Never rejects. */
  async find(statement: StatementText): Promise<Known> {
    const known = this.peek(statement)
    if (known !== undefined) return known
    const key = keyOf(statement)
    let asked = this.#asked.get(key)
    if (asked === undefined) {
      asked = this.#inTurn(() => this.learn(statement, this.#analyse)).finally(() => {
        if (this.#asked.get(key) === asked) this.#asked.delete(key)
      })
      this.#asked.set(key, asked)
    }
    return asked
  }

  /** Asks by another way, and remembers. Never rejects. */
  async learn(statement: StatementText, analyse: Analyse, remember = true): Promise<Known> {
    const generation = this.#generation
    const entry = await this.#entry(statement, analyse)
    if (remember && generation === this.#generation) this.#keep(keyOf(statement), entry)
    return entry.known
  }

  /** The schema has changed. */
  forget(): void {
    this.#generation += 1
    this.#young.clear()
    this.#old.clear()
    this.#asked.clear()
  }

  async #entry(statement: StatementText, analyse: Analyse): Promise<Entry> {
    const nowMs = this.#clock.now()
    const byWords = dependenciesByWords(statement.text)
    if (byWords !== undefined) return { known: { ...byWords, analysed: true }, untilMs: nowMs + LIFE_MS }
    if (statement.text.length > MAX_TEXT_LENGTH) {
      return {
        known: nothingKnown(statement, 'its text is too long to be looked into', true),
        untilMs: nowMs + LIFE_MS,
      }
    }
    try {
      return { known: { ...(await analyse(statement)), analysed: true }, untilMs: nowMs + LIFE_MS }
    } catch (error) {
      const lasting = !(error instanceof DbError) || error.sqlState !== undefined
      const reason = `it could not be looked into: ${error instanceof Error ? error.message : String(error)}`
      return { known: nothingKnown(statement, reason, lasting), untilMs: nowMs + (lasting ? LIFE_MS : RETRY_MS) }
    }
  }

  #keep(key: string, entry: Entry): void {
    this.#young.set(key, entry)
    if (this.#young.size <= this.#maxTexts) return
    this.#old = this.#young
    this.#young = new Map()
  }

  async #inTurn(work: () => Promise<Known>): Promise<Known> {
    if (this.#running >= MAX_AT_ONCE) await new Promise<void>(resolve => void this.#turns.push(resolve))
    else this.#running += 1
    try {
      return await work()
    } finally {
      const next = this.#turns.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}

/** What the server won't ever parse for us is judged by its words: a select that writes by a function isn't recognised then. */
function nothingKnown({ text }: StatementText, reason: string, lasting: boolean): Known {
  const writes = lasting && !mayWriteByWords(text) ? [] : [ANY_TABLE]
  return {
    read: { kind: 'by-hand', reason },
    writes,
    changesSchema: false,
    changesNames: changesNames(text),
    analysed: false,
  }
}

function keyOf({ text, types }: StatementText): string {
  return types.length === 0 ? text : `${types.join()} ${text}`
}
