// A worker that starts loads what was hot before it's asked for it, in the background and giving way to requests; one that ends leaves the list to its successor.
//
//   waiting ── run() ──► running ──► done
//      └── stop() ──► stopped ◄── stop() ──┘
import { type Cache, savedKeys, saveKeys, type WarmKey } from '@plimsoll/cache'
import type { Logger } from '@plimsoll/telemetry'

/** Of each namespace. */
const SAVED_KEYS = 100

export interface WarmUpOptions {
  /** Where the keys are kept from one run to the next; undefined: nowhere. */
  readonly file: string | undefined
  /** Loaded in any case, and first: namespace, blank, key. */
  readonly critical: readonly string[]
}

/** How far it is. */
export type WarmUpState = 'waiting' | 'running' | 'done' | 'stopped'

export class WarmUp {
  #state: WarmUpState = 'waiting'
  readonly #cache: Cache
  readonly #options: WarmUpOptions
  readonly #logger: Logger
  readonly #stop = new AbortController()

  constructor(cache: Cache, options: WarmUpOptions, logger: Logger) {
    this.#cache = cache
    this.#options = options
    this.#logger = logger
  }

  get state(): WarmUpState {
    return this.#state
  }

  /** Resolves when nothing is left to load; never rejects. */
  async run(): Promise<void> {
    if (this.#state === 'waiting') this.#state = 'running'
    await this.#load()
    if (this.#state === 'running') this.#state = 'done'
  }

  async #load(): Promise<void> {
    const { file, critical } = this.#options
    const saved = file === undefined ? [] : await savedKeys(file)
    const keys = [...critical.map(parseKey), ...saved]
    if (keys.length === 0) return
    const warmed = await this.#cache.warm(keys, { signal: this.#stop.signal })
    this.#logger.info(warmed, 'The cache is warm')
  }

  /** Ends it. */
  stop(): void {
    if (this.#state !== 'done') this.#state = 'stopped'
    this.#stop.abort()
  }

  /** Ends it, and leaves the keys that are hot now. */
  async close(): Promise<void> {
    this.stop()
    const { file } = this.#options
    if (file === undefined) return
    try {
      await saveKeys(file, this.#cache.hottestKeys(SAVED_KEYS))
    } catch (error) {
      this.#logger.warn({ err: error }, 'The list of hot keys could not be written')
    }
  }
}

function parseKey(text: string): WarmKey {
  const blank = text.indexOf(' ')
  return { namespace: text.slice(0, blank), key: text.slice(blank + 1) }
}
