// What was hot before a restart is loaded again before it's asked for: keys and the names of their namespaces are saved, never values.
//
// Invariants
// * Warming gives way: at most `concurrency` loads at a time, none begins while the event loop is busier than `maxUtilisation`, and it ends after `timeoutMs`.
// * What can't be loaded, or isn't there any more, is passed over: warming never fails a start.
import { rename, readFile, writeFile } from 'node:fs/promises'
import type { Namespace } from './namespace.ts'

/** A key worth loading. */
export interface WarmKey {
  readonly namespace: string
  readonly key: string
}

export interface WarmOptions {
  /** Loads at a time. Default 2. */
  readonly concurrency?: number
  /** Event-loop utilisation of the latest 100 ms from which on warming waits, 0 to 1. Default 0.5. */
  readonly maxUtilisation?: number
  /** When to stop, in ms. Default 30,000. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface Warmed {
  readonly loaded: number
  readonly failed: number
  /** Not begun: time was up, or the signal fired; or their namespace has no loader any more. */
  readonly skipped: number
}

export interface WarmTools {
  readonly clock: { now(): number }
  /** Utilisation of the event loop since the last call, 0 to 1. */
  readonly utilisation: () => number
  readonly pause: (ms: number) => Promise<void>
}

const PAUSE_MS = 100

/** Loads keys through their namespaces' own loaders. */
export async function warm(
  namespaces: readonly Namespace<never>[],
  keys: readonly WarmKey[],
  options: WarmOptions,
  tools: WarmTools,
): Promise<Warmed> {
  const { concurrency = 2, maxUtilisation = 0.5, timeoutMs = 30_000, signal } = options
  const byName = new Map(namespaces.map(namespace => [namespace.name, namespace]))
  const endsAtMs = tools.clock.now() + timeoutMs
  const waiting = keys.filter(({ namespace }) => byName.get(namespace)?.loader !== undefined)
  let skipped = keys.length - waiting.length
  let loaded = 0
  let failed = 0
  const next = waiting[Symbol.iterator]()
  const isOver = () => signal?.aborted === true || tools.clock.now() >= endsAtMs
  const lane = async () => {
    for (const { namespace, key } of next) {
      while (!isOver() && tools.utilisation() > maxUtilisation) await tools.pause(PAUSE_MS)
      if (isOver()) {
        skipped++
        continue
      }
      try {
        await byName.get(namespace)?.getOrLoad(key)
        loaded++
      } catch {
        failed++
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  return { loaded, failed, skipped }
}

/** The most used keys of all namespaces that have a loader, `count` of each. */
export function hottestKeys(namespaces: readonly Namespace<never>[], count: number): WarmKey[] {
  return namespaces
    .filter(namespace => namespace.loader !== undefined)
    .flatMap(namespace => namespace.hottest(count).map(({ key }) => ({ namespace: namespace.name, key })))
}

/** Saved whole or not at all. */
export async function saveKeys(file: string, keys: readonly WarmKey[]): Promise<void> {
  const beside = `${file}.${process.pid}.tmp`
  await writeFile(beside, JSON.stringify({ version: 1, keys }), { mode: 0o600 })
  await rename(beside, file)
}

/** What was saved; nothing when the file isn't there or isn't readable as one. */
export async function savedKeys(file: string): Promise<WarmKey[]> {
  try {
    const saved = JSON.parse(await readFile(file, 'utf8')) as { version?: unknown; keys?: unknown }
    if (saved.version !== 1 || !Array.isArray(saved.keys)) return []
    return saved.keys.filter(isWarmKey)
  } catch {
    return []
  }
}

function isWarmKey(value: unknown): value is WarmKey {
  const { namespace, key } = (value ?? {}) as Partial<WarmKey>
  return typeof namespace === 'string' && typeof key === 'string'
}
