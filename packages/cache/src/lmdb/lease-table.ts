// Leases in a table of a map: the right to do something for the whole machine, which ends by itself when its holder dies or hangs.
//
//     key ─▶ expiry (f64, ms on the machine's clock) + "<identity of the process> <token>"
//
// Invariants: whether a holder lives is asked before the write transaction, never inside it: /proc takes longer than everything else here. Inside, the row has to
// be the very one that was judged.
import type { MachineClock } from '../machine/machine-clock.ts'
import type { Lease } from '../machine/machine-map.ts'
import { mapKey } from './map-key.ts'
import type { ReadView, Root, Table } from './native.ts'
import { processIdentity, whereaboutsOf } from './process-identity.ts'

const EXPIRY_BYTES = 8
/** How long a holder that was found living counts as living. */
const TRUST_MS = 10
/** After so many takes the table is looked through for rows that nobody gave back. */
const SWEEP_EVERY = 256
const SWEEP_ROWS = 1000

interface Row {
  readonly untilMs: number
  readonly holder: string
}

export class LeaseTable {
  readonly #root: Root
  readonly #view: ReadView
  readonly #table: Table
  readonly #clock: MachineClock
  readonly #identity = processIdentity()
  readonly #prefix: string
  readonly #trusted = new Map<string, number>()
  #taken = 0

  /** @param unique - tells this opening from others of the same process */
  constructor(root: Root, view: ReadView, clock: MachineClock, unique: string) {
    this.#root = root
    this.#view = view
    this.#clock = clock
    this.#prefix = `${this.#identity} ${unique}`
    this.#table = root.openDB<Uint8Array, string>('leases', { encoding: 'binary' })
  }

  /** Whether a living holder has it. @hot */
  isHeld(key: string): boolean {
    const row = parseRow(this.#view.get(this.#table, mapKey(key)))
    return row !== undefined && this.#isValid(row)
  }

  /** Undefined: another holder has it. */
  take(key: string, holdMs: number): Lease | undefined {
    const name = mapKey(key)
    const found = this.#read(name)
    if (found !== undefined && this.#isValid(found)) return undefined
    const holder = `${this.#prefix}.${++this.#taken}`
    if (this.#taken % SWEEP_EVERY === 0) this.#sweep()
    const taken = this.#root.transactionSync(() => {
      const present = this.#readInside(name)
      if (present?.holder !== found?.holder || present?.untilMs !== found?.untilMs) return false
      this.#write(name, { untilMs: this.#clock.nowMs() + holdMs, holder })
      return true
    })
    return taken ? this.#lease(name, holder) : undefined
  }

  #lease(name: string, holder: string): Lease {
    const change = (isOurs: (row: Row) => boolean, write: () => void): boolean =>
      this.#root.transactionSync(() => {
        const present = this.#readInside(name)
        if (present?.holder !== holder || !isOurs(present)) return false
        write()
        return true
      })
    return {
      release: async () => {
        change(
          () => true,
          () => this.#table.removeSync(name),
        )
      },
      renew: async holdMs =>
        change(
          row => row.untilMs > this.#clock.nowMs(),
          () => this.#write(name, { untilMs: this.#clock.nowMs() + holdMs, holder }),
        ),
    }
  }

  #isValid(row: Row): boolean {
    const nowMs = this.#clock.nowMs()
    if (row.untilMs <= nowMs) return false
    const identity = row.holder.slice(0, row.holder.indexOf(' '))
    if (identity === this.#identity || (this.#trusted.get(identity) ?? 0) > nowMs) return true
    // Elsewhere: it can't be seen from here, so its expiry has to do.
    if (whereaboutsOf(identity) === 'dead') return false
    if (this.#trusted.size > SWEEP_ROWS) this.#trusted.clear()
    this.#trusted.set(identity, nowMs + TRUST_MS)
    return true
  }

  #sweep(): void {
    const nowMs = this.#clock.nowMs()
    const over: string[] = []
    for (const { key, value } of this.#table.getRange({ limit: SWEEP_ROWS })) {
      const row = parseRow(value)
      if (row === undefined || row.untilMs <= nowMs) over.push(key)
    }
    if (over.length === 0) return
    this.#root.transactionSync(() => {
      for (const key of over) if ((this.#readInside(key)?.untilMs ?? 0) <= nowMs) this.#table.removeSync(key)
    })
  }

  #read(name: string): Row | undefined {
    return parseRow(this.#view.get(this.#table, name))
  }

  #readInside(name: string): Row | undefined {
    return parseRow(this.#table.getBinaryFast(name))
  }

  #write(name: string, row: Row): void {
    const bytes = Buffer.alloc(EXPIRY_BYTES + Buffer.byteLength(row.holder, 'latin1'))
    bytes.writeDoubleLE(row.untilMs, 0)
    bytes.write(row.holder, EXPIRY_BYTES, 'latin1')
    this.#table.putSync(name, bytes)
  }
}

function parseRow(bytes: Uint8Array | undefined): Row | undefined {
  if (bytes === undefined || bytes.length <= EXPIRY_BYTES) return undefined
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return { untilMs: buffer.readDoubleLE(0), holder: buffer.toString('latin1', EXPIRY_BYTES) }
}
