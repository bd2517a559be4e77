// The store that the processes of a machine count in together: one lmdb map, one synchronous write transaction per decision.
//
//     head                       ─▶ boot (16), secret (16)
//     <rule's digest>.<row>      ─▶ bucket.ts
//
// Why lmdb and a lock rather than messages: a decision is a few µs of one process's time, waits for nobody's event loop, and is whole or not there when its process is
// killed in the middle. Only short routes that cost far more ask for it.
//
// The rows of a rule have its limit, window and sizes in their name: processes with other options, as in a rolling restart, count beside each other.
//
// Invariants
// * Time is the machine's (CLOCK_MONOTONIC), read while the lock is held: no two decisions see it go back. The counts of an earlier boot are dropped.
// * No key stands in the map, only digests with the map's secret.
import { hash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { decisionOf, fallbackAtMs, notConcerned, ofFallback } from '../decision.ts'
import { RateLimitError } from '../errors.ts'
import { checkKeys, keyDigest, keyOf } from '../keys.ts'
import { createMemoryStore } from '../memory-store.ts'
import { completeOptions } from '../store-options.ts'
import type { Decision, Keys, RateLimitStore, Rule, RuleState, SharedRateLimitStore, StoreState } from '../store.ts'
import { Windows } from '../windows.ts'
import { type Bucket, ENTRIES, EXPECTED_ENTRIES, findEntry, maxRowBytes, rowEndMs, withEntry } from './bucket.ts'
import { MachineMap, type OpenMap } from './machine-map.ts'

export interface MachineStoreOptions {
  /** As for a store in memory. */
  readonly rules: readonly Rule[]
  /** A folder in shared memory (/dev/shm) that belongs to this user; the same for every process. */
  readonly folder: string
  /** Keys of each rule that says nothing else that you expect in a window. Default 10,000, 1 to 1,000,000. Each has twice the room; where keys fall together by chance newcomers share counts. */
  readonly maxKeys?: number
  /** How finely a window is kept, as for a store in memory. Default 64. */
  readonly cellsPerKey?: number
  /** How long the fallback decides after the map has failed. Default 5000 ms, 1 to 3,600,000. */
  readonly retryMs?: number
  /** Who decides while the map can't be used. Default: a store in this process's memory, so that the limit is each process's own meanwhile. */
  readonly fallback?: RateLimitStore<Decision>
  /** Told once of each change. */
  readonly onState?: (state: StoreState) => void
  /** Milliseconds, the same for all processes. Default: the machine's time since its boot. */
  readonly clock?: { now(): number }
}

const OPTION_NAMES = ['rules', 'folder', 'maxKeys', 'cellsPerKey', 'retryMs', 'fallback', 'onState', 'clock']
const HEAD = 'head'
const ID_BYTES = 16
const PAGE_BYTES = 4096
const MIN_MAP_BYTES = 4 * 1024 * 1024
/** Rows of other rules that are looked at when the map is opened, and dropped when they're over. */
const SWEPT_ROWS = 20_000

/** The rule with its rows. */
interface RuleRows {
  readonly rule: Readonly<Required<Rule>>
  readonly prefix: string
  readonly rows: number
  readonly windows: Windows
}

interface Found {
  readonly one: RuleRows
  readonly digest: Buffer
  readonly rowKey: string
  readonly row: Buffer | undefined
  readonly bucket: Bucket
}

/**
 * Opens the store. It never fails for what the folder is like: `state()` says how it does.
 * @throws RateLimitError `RATE_LIMIT_ERR_OPTION`
 */
export function createMachineStore(options: MachineStoreOptions): MachineStore {
  return new LmdbMachineStore(options)
}

/** A shared store whose decisions are there at once. */
export interface MachineStore extends SharedRateLimitStore<Decision> {
  giveBack(keys: Keys, scope: string, atMs: number, times?: number): undefined
}

class LmdbMachineStore implements MachineStore {
  readonly rules: readonly Readonly<Required<Rule>>[]
  readonly #perRule: readonly RuleRows[]
  readonly #clock: { now(): number }
  readonly #fallback: RateLimitStore<Decision>
  readonly #map: MachineMap
  #secret = ''
  #hasWritten = false

  constructor(options: MachineStoreOptions) {
    for (const name of Object.keys(options)) {
      if (!OPTION_NAMES.includes(name))
        throw invalid(`There is no option "${name}"; there are: ${OPTION_NAMES.join(', ')}.`)
    }
    const { folder, maxKeys: keys = 10_000, cellsPerKey: cells = 64, retryMs = 5000 } = options
    const { rules, maxKeys, cellsPerKey } = completeOptions({ rules: options.rules, maxKeys: keys, cellsPerKey: cells })
    if (typeof folder !== 'string' || folder === '') throw invalid('folder is the path of a folder.')
    if (!Number.isInteger(retryMs) || retryMs < 1 || retryMs > 3_600_000)
      throw invalid(`retryMs is a whole number from 1 to 3600000, not ${String(retryMs)}.`)
    this.rules = rules
    this.#clock = options.clock ?? { now: machineMs }
    this.#perRule = rules.map(rule => {
      const rows = Math.ceil(rule.maxKeys / EXPECTED_ENTRIES)
      const prefix = hash('sha256', JSON.stringify([rule, cellsPerKey, rows, ENTRIES]), 'base64url').slice(0, 12)
      return { rule, prefix, rows, windows: new Windows(rule, cellsPerKey, 1) }
    })
    this.#fallback = options.fallback ?? createMemoryStore({ rules: options.rules, maxKeys, cellsPerKey })
    this.#map = new MachineMap({
      folder,
      mapBytes: neededBytes(this.#perRule, cellsPerKey),
      retryMs,
      clock: performance,
      onOpen: map => this.#opened(map),
      onState: options.onState ?? (() => undefined),
    })
  }

  state(): StoreState {
    return this.#map.state()
  }

  async close(): Promise<void> {
    this.#map.close()
  }

  take(keys: Keys, scope = ''): Decision {
    checkKeys(keys, this.rules.length)
    return this.#changed(map => this.#decide(map, keys, scope, true)) ?? ofFallback(this.#fallback.take(keys, scope))
  }

  peek(keys: Keys, scope = ''): Decision {
    checkKeys(keys, this.rules.length)
    return this.#changed(map => this.#decide(map, keys, scope, false)) ?? ofFallback(this.#fallback.peek(keys, scope))
  }

  giveBack(keys: Keys, scope: string, atMs: number, times = 1): undefined {
    checkKeys(keys, this.rules.length)
    const otherMs = fallbackAtMs(atMs)
    if (otherMs !== undefined) {
      void this.#fallback.giveBack(keys, scope, otherMs, times)
      return
    }
    // What can't be given back goes on counting until its window is over.
    this.#changed(map => {
      const nowMs = Math.floor(this.#clock.now())
      for (const found of this.#find(map, keys, scope, nowMs)) {
        const { one, bucket } = found ?? {}
        // Later it's no longer counted, and what is there is others'.
        if (one === undefined || bucket?.at === -1 || atMs + one.rule.windowMs <= nowMs) continue
        one.windows.takeBack(0, nowMs, times)
        this.#write(map, found as Found, nowMs)
      }
      return true
    })
  }

  /** One transaction; undefined: it couldn't be made, and nothing has changed. */
  #changed<T>(action: (map: OpenMap) => T): T | undefined {
    const map = this.#map.current()
    if (map === undefined) return undefined
    try {
      this.#hasWritten = false
      const result = map.root.transactionSync(() => action(map))
      if (this.#hasWritten) this.#map.worked()
      return result
    } catch (error) {
      if (error instanceof RateLimitError) throw error
      this.#map.failed(error)
      return undefined
    }
  }

  #decide(map: OpenMap, keys: Keys, scope: string, counts: boolean): Decision {
    const nowMs = Math.floor(this.#clock.now())
    const all = this.#find(map, keys, scope, nowMs)
    const states = (): RuleState[] =>
      this.#perRule.map(({ rule, windows }, i) => {
        const found = all[i]
        if (found === null || found === undefined) return notConcerned(rule)
        const remaining = rule.limit - windows.used(0, nowMs)
        const nextMs = remaining > 0 ? 0 : windows.nextMs(0, nowMs)
        return {
          rule,
          applies: true,
          isShared: found.bucket.isShared,
          remaining,
          nextMs,
          resetMs: windows.resetMs(0, nowMs),
        }
      })
    const before = decisionOf(states(), nowMs)
    if (!counts || !before.allowed) return before
    for (const found of all) {
      if (found === null) continue
      found.one.windows.record(0, nowMs)
      this.#write(map, found, nowMs)
    }
    return { ...before, states: states() }
  }

  /** In a transaction: per rule, what the key is measured by; null: the rule isn't concerned. */
  #find(map: OpenMap, keys: Keys, scope: string, nowMs: number): (Found | null)[] {
    return this.#perRule.map((one, i) => {
      const key = keyOf(keys, i)
      if (key === null) return null
      const digest = keyDigest(this.#secret, one.rule.perScope ? scope : '', key)
      const rowKey = `${one.prefix}.${(digest.readUInt32LE(ID_BYTES) % one.rows).toString(36)}`
      const row = map.table.getBinary(rowKey)
      return { one, digest, rowKey, row, bucket: findEntry(row, digest, one.windows, nowMs) }
    })
  }

  #write(map: OpenMap, { one, digest, rowKey, row, bucket }: Found, nowMs: number): void {
    const changed = withEntry(row, { digest, found: bucket, windowMs: one.rule.windowMs, nowMs }, one.windows)
    if (changed === undefined) map.table.removeSync(rowKey)
    else map.table.putSync(rowKey, changed)
    this.#hasWritten = true
  }

  /** Joins the others, or begins anew after a boot. */
  #opened({ root, table }: OpenMap): void {
    root.transactionSync(() => {
      const boot = Buffer.alloc(ID_BYTES, bootId())
      const head = table.getBinary(HEAD)
      if (head !== undefined && head.length === 2 * ID_BYTES && head.subarray(0, ID_BYTES).equals(boot)) {
        this.#secret = head.toString('latin1', ID_BYTES)
        this.#sweep(table)
        return
      }
      const secret = randomBytes(ID_BYTES)
      table.clearSync()
      table.putSync(HEAD, Buffer.concat([boot, secret]))
      this.#secret = secret.toString('latin1')
    })
  }

  /** Drops what rules that aren't ours have left and what is over. */
  #sweep(table: OpenMap['table']): void {
    const nowMs = this.#clock.now()
    const own = new Set(this.#perRule.map(({ prefix }) => prefix))
    const foreign = [...table.getKeys({ limit: SWEPT_ROWS })].filter(key => {
      return key !== HEAD && !own.has(key.slice(0, key.indexOf('.')))
    })
    for (const key of foreign) {
      const row = table.getBinary(key)
      if (row !== undefined && rowEndMs(row) <= nowMs) table.removeSync(key)
    }
  }
}

/** Every row at its largest, and as much again for what a transaction copies and other rules have left; the file takes only what's used. */
function neededBytes(perRule: readonly RuleRows[], cellsPerKey: number): number {
  let bytes = MIN_MAP_BYTES
  for (const { rule, rows } of perRule) {
    const rowBytes = maxRowBytes(Math.min(rule.limit, cellsPerKey)) + 64
    bytes += 2 * rows * (rowBytes < PAGE_BYTES / 2 ? rowBytes * 2 : Math.ceil(rowBytes / PAGE_BYTES) * PAGE_BYTES)
  }
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES
}

function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}

/** The same until the machine boots again; where the system doesn't say it, counts of before a boot may count again. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll('-', '').slice(0, ID_BYTES)
  } catch {
    return '0'
  }
}

function invalid(message: string): RateLimitError {
  return new RateLimitError('RATE_LIMIT_ERR_OPTION', message)
}
