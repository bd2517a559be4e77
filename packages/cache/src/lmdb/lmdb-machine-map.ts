// The machine's map in shared memory: one lmdb environment that every process of the machine has open.
//
//     head (uint32)   1 ─▶ sequence, first, mentions, floor, floor position      2 ─▶ followed      3 ─▶ epoch
//     changes         <sequence> ─▶ the subjects of that invalidation, as JSON
//     subjects        <subject> ─▶ sequence of its latest invalidation, place to judge by, highest place that was applied
//     leases          see lease-table.ts
//
// An invalidation is one write transaction: the head, its row of changes, a row for each subject. So number, subjects and `lastChange` become visible together.
//
// Two places. Other machines' values are judged by the higher one: a subject that was forgotten and comes back has the floor's, since it may have been invalidated for
// it. Whether an entry of the log was applied is told by the other one: taking the floor's for that would lose the entry.
//
// The floor. `changes` is an unbroken run, `first` to `sequence`, of `maxSubjects` mentioned subjects at most (always the latest change). When the oldest change goes,
// the subjects whose latest one it is go with it, and the floor rises to its number. So for a subject without a row: it wasn't invalidated after the floor. The floor is
// its answer: never too low, and values that were stamped at the floor or later, which is all that are younger than 100,000 mentions, aren't touched.
//
// Why synchronous transactions. An invalidation of one subject took 25-40 µs this way, 500 µs as an asynchronous batch and 820 µs as an asynchronous transaction, which
// also holds the machine's write lock until this process's event loop comes round to it. The price: a process that is stopped (SIGSTOP, a debugger) within those µs
// holds up the others' writes until it goes on or ends; one that's killed doesn't.
//
// While the map can't be read (see environment.ts) nothing is known: `sequence()` is -1, `changesAfter` undefined, `lastChange` endless, and `invalidate` waits.
// @hot: sequence, lastChange
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CacheError } from '../errors.ts'
import { CHANGES_AT_ONCE, DEFAULT_MAX_SUBJECTS } from '../machine/local-machine-map.ts'
import { machineClock, type MachineClock } from '../machine/machine-clock.ts'
import type { Change, Followed, LastChange, Lease, MachineMap } from '../machine/machine-map.ts'
import type { Subject } from '../subjects.ts'
import { Environment, type EnvironmentState } from './environment.ts'
import { LeaseTable } from './lease-table.ts'
import { mapKey } from './map-key.ts'
import type { ReadView, Root, Table } from './native.ts'

/** Of the tables above: another one never opens this one's files. */
const FORMAT = 1
const HEAD = 1
const FOLLOWED = 2
const EPOCH = 3
const HEAD_BYTES = 40
const ROW_BYTES = 24
const FOLLOWED_BYTES = 24
const DEFAULT_MAP_BYTES = 64 * 1024 * 1024
/** Old changes that one invalidation takes along, on top of as many as it adds. */
const DROPPED_AT_ONCE = 4
const WAIT_LOOK_MS = 10
const UNKNOWN: LastChange = { sequence: Number.POSITIVE_INFINITY, position: Number.POSITIVE_INFINITY }
const NEVER: Head = { sequence: 0, first: 1, mentions: 0, floor: 0, floorPosition: 0 }

export interface LmdbMachineMapOptions {
  /** A folder in shared memory; its user alone may write there. Every process of the machine gives the same one. */
  readonly folder: string
  /** Tells maps in one folder apart. Default `machine`. */
  readonly name?: string
  /** Bytes at most; less when the file system hasn't twice as much free. Default 64 MiB, of which 100,000 subjects take about 25. */
  readonly mapBytes?: number
  /** Subjects remembered one by one, repeated ones counted each time. Default 100,000. */
  readonly maxSubjects?: number
  /** Longest time that `invalidate` waits, in ms, while this process can't reach a map that others use. Default 5000. */
  readonly waitMs?: number
  /** Longest time that a check of the map may take, in ms. Default 5000. */
  readonly checkTimeoutMs?: number
  /** How often the map's files are looked at, in ms. Default 200. */
  readonly watchMs?: number
  readonly clock?: MachineClock
}

interface Head {
  sequence: number
  /** Oldest change that is kept; `sequence + 1`: none. */
  first: number
  /** Subjects in the changes that are kept. */
  mentions: number
  floor: number
  floorPosition: number
}

interface Tables {
  readonly root: Root
  readonly view: ReadView
  readonly head: Table<number>
  readonly changes: Table<number>
  readonly subjects: Table
  readonly leases: LeaseTable
  readonly epoch: string
}

/** @see MachineMap */
export class LmdbMachineMap implements MachineMap {
  readonly #environment: Environment
  readonly #clock: MachineClock
  readonly #maxSubjects: number
  readonly #waitMs: number
  #tables: Tables | undefined
  /** Another map than before, with numbers of its own: the first question is answered by -1, so that nobody takes them for a continuation. */
  #isAnother = false
  #lastEpoch = ''
  #closed = false

  constructor(options: LmdbMachineMapOptions) {
    this.#clock = options.clock ?? machineClock()
    this.#maxSubjects = options.maxSubjects ?? DEFAULT_MAX_SUBJECTS
    this.#waitMs = options.waitMs ?? 5000
    const unique = randomUUID()
    this.#environment = new Environment({
      folder: options.folder,
      name: options.name ?? 'machine',
      format: FORMAT,
      mapBytes: options.mapBytes ?? DEFAULT_MAP_BYTES,
      durable: false,
      tables: ['head:uint32', 'changes', 'subjects', 'leases'],
      ...(options.checkTimeoutMs === undefined ? {} : { checkTimeoutMs: options.checkTimeoutMs }),
      ...(options.watchMs === undefined ? {} : { watchMs: options.watchMs }),
      onOpen: (root, view) => {
        this.#tables = openTables(root, view, this.#clock, unique)
        this.#isAnother = this.#lastEpoch !== '' && this.#lastEpoch !== this.#tables.epoch
        this.#lastEpoch = this.#tables.epoch
      },
      onClose: () => {
        this.#tables = undefined
      },
    })
  }

  /** Empty while the map can't be read. */
  get epoch(): string {
    return this.#tables?.epoch ?? ''
  }

  state(): EnvironmentState {
    return this.#environment.state()
  }

  /** Resolves when the map is open, or is known to stay off. */
  settled(): Promise<void> {
    return this.#environment.settled()
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  /** -1 while the map can't be read, and once after it was replaced. @hot */
  sequence(): number {
    const tables = this.#tables
    if (tables === undefined) return -1
    if (this.#isAnother) {
      this.#isAnother = false
      return -1
    }
    try {
      return tables.view.get(tables.head, HEAD)?.readDoubleLE(0) ?? -1
    } catch (error) {
      this.#environment.failed(error)
      return -1
    }
  }

  changesAfter(sequence: number): readonly Change[] | undefined {
    return this.#read(undefined, ({ view, head, changes }) => {
      try {
        const present = readHead(view.getKept(head, HEAD))
        if (sequence < present.first - 1 || sequence > present.sequence) return undefined
        const found: Change[] = []
        const last = Math.min(present.sequence, sequence + CHANGES_AT_ONCE)
        for (let next = sequence + 1; next <= last; next++) {
          const subjects = view.getKept(changes, next)
          if (subjects === undefined) return undefined
          found.push({ sequence: next, subjects: parseSubjects(subjects) })
        }
        return found
      } finally {
        view.end()
      }
    })
  }

  /** @hot */
  lastChange(subject: Subject): LastChange {
    return this.#read(UNKNOWN, ({ view, head, subjects }) => {
      try {
        const row = view.getKept(subjects, mapKey(subject))
        if (row !== undefined) return { sequence: row.readDoubleLE(0), position: row.readDoubleLE(8) }
        const { floor, floorPosition } = readHead(view.getKept(head, HEAD))
        return { sequence: floor, position: floorPosition }
      } finally {
        view.end()
      }
    })
  }

  /**
   * While the map can't be read it waits until it can, or until no other process has it open and so none can serve what's invalidated (-1 then).
   * @throws CACHE_ERR_NOT_SPREAD after `waitMs`: other processes of this machine may not know
   */
  async invalidate(subjects: readonly Subject[], position = 0): Promise<number> {
    const giveUpAtMs = this.nowMs() + this.#waitMs
    for (;;) {
      const tables = this.#tables
      let failure: string | undefined
      if (tables !== undefined) {
        try {
          return this.#invalidateNow(tables, subjects, position)
        } catch (error) {
          this.#environment.failed(error)
          failure = error instanceof Error ? error.message : String(error)
        }
      } else if (this.#closed || !this.#environment.hasOtherUsers()) return -1
      if (this.nowMs() > giveUpAtMs) {
        throw new CacheError(
          'CACHE_ERR_NOT_SPREAD',
          `The other processes of this machine couldn't be told of an invalidation in ${this.#waitMs} ms: ${failure ?? this.state().reason ?? 'the map is off'}.`,
        )
      }
      await sleep(WAIT_LOOK_MS)
    }
  }

  #invalidateNow(tables: Tables, subjects: readonly Subject[], position: number): number {
    const { root, head: headTable, subjects: subjectTable, changes } = tables
    const distinct = [...new Set(subjects)]
    return root.transactionSync(() => {
      const head = readHead(headTable.getBinaryFast(HEAD))
      const next = head.sequence + 1
      const fresh: Subject[] = []
      for (const subject of distinct) {
        const key = mapKey(subject)
        const row = subjectTable.getBinaryFast(key)
        const applied = row?.readDoubleLE(16) ?? 0
        if (position > 0 && applied >= position) continue
        fresh.push(subject)
        // What's forgotten of it may have had a place up to the floor's; that it was applied, though, isn't known of any.
        const judged = row?.readDoubleLE(8) ?? head.floorPosition
        subjectTable.putSync(key, rowBytes(next, Math.max(judged, position), Math.max(applied, position)))
      }
      if (fresh.length === 0) return head.sequence
      changes.putSync(next, Buffer.from(JSON.stringify(fresh)))
      head.sequence = next
      head.mentions += fresh.length
      this.#dropOldest(tables, head, DROPPED_AT_ONCE + fresh.length)
      headTable.putSync(HEAD, headBytes(head))
      return next
    })
  }

  /** In the transaction: keeps the changes to `maxSubjects` mentions, the latest change apart. */
  #dropOldest({ changes, subjects }: Tables, head: Head, most: number): void {
    let left = most
    while (head.mentions > this.#maxSubjects && head.first < head.sequence && left > 0) {
      const bytes = changes.getBinaryFast(head.first)
      const dropped = bytes === undefined ? [] : parseSubjects(bytes)
      for (const subject of dropped) {
        const key = mapKey(subject)
        const row = subjects.getBinaryFast(key)
        if (row === undefined || row.readDoubleLE(0) !== head.first) continue
        head.floor = head.first
        head.floorPosition = Math.max(head.floorPosition, row.readDoubleLE(8))
        subjects.removeSync(key)
      }
      changes.removeSync(head.first)
      head.mentions -= dropped.length
      head.first++
      left -= Math.max(1, dropped.length)
    }
  }

  /** Undefined also while the map can't be read: then each process loads for itself, and nobody may keep what it loads. */
  async takeLease(key: string, holdMs: number): Promise<Lease | undefined> {
    const lease = this.#read(undefined, ({ leases }) => leases.take(key, holdMs))
    if (lease === undefined) return undefined
    const guarded = async (call: () => Promise<boolean>): Promise<boolean> => {
      try {
        return await call()
      } catch (error) {
        this.#environment.failed(error)
        return false
      }
    }
    return {
      release: async () => {
        await guarded(async () => {
          await lease.release()
          return true
        })
      },
      renew: renewMs => guarded(() => lease.renew(renewMs)),
    }
  }

  isLeased(key: string): boolean {
    return this.#read(false, ({ leases }) => leases.isHeld(key))
  }

  followed(): Followed | undefined {
    return this.#read(undefined, ({ view, head }) => {
      const row = view.get(head, FOLLOWED)
      if (row === undefined) return undefined
      return { position: row.readDoubleLE(0), sincePosition: row.readDoubleLE(8), atMs: row.readDoubleLE(16) }
    })
  }

  async setFollowed(followed: Followed): Promise<void> {
    this.#read(undefined, ({ root, head }) => {
      const bytes = Buffer.alloc(FOLLOWED_BYTES)
      bytes.writeDoubleLE(followed.position, 0)
      bytes.writeDoubleLE(followed.sincePosition, 8)
      bytes.writeDoubleLE(followed.atMs, 16)
      root.transactionSync(() => head.putSync(FOLLOWED, bytes))
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#environment.close()
  }

  #read<T>(otherwise: T, read: (tables: Tables) => T): T {
    const tables = this.#tables
    if (tables === undefined) return otherwise
    try {
      return read(tables)
    } catch (error) {
      this.#environment.failed(error)
      return otherwise
    }
  }
}

function openTables(root: Root, view: ReadView, clock: MachineClock, unique: string): Tables {
  const head = root.openDB<Uint8Array, number>('head', { encoding: 'binary', keyEncoding: 'uint32' })
  const epoch = root.transactionSync(() => {
    // With both ends: the buffer is lmdb's own, longer than what it holds.
    const known = head.getBinaryFast(EPOCH)
    if (known !== undefined) return known.toString('latin1', 0, known.length)
    const made = randomUUID()
    head.putSync(EPOCH, Buffer.from(made, 'latin1'))
    head.putSync(HEAD, headBytes(NEVER))
    return made
  })
  return {
    root,
    view,
    head,
    epoch,
    changes: root.openDB<Uint8Array, number>('changes', { encoding: 'binary' }),
    subjects: root.openDB<Uint8Array, string>('subjects', { encoding: 'binary' }),
    leases: new LeaseTable(root, view, clock, unique),
  }
}

function readHead(bytes: Buffer | undefined): Head {
  if (bytes === undefined) throw new Error('MDB_CORRUPTED: the map has lost its head')
  return {
    sequence: bytes.readDoubleLE(0),
    first: bytes.readDoubleLE(8),
    mentions: bytes.readDoubleLE(16),
    floor: bytes.readDoubleLE(24),
    floorPosition: bytes.readDoubleLE(32),
  }
}

function headBytes(head: Head): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES)
  bytes.writeDoubleLE(head.sequence, 0)
  bytes.writeDoubleLE(head.first, 8)
  bytes.writeDoubleLE(head.mentions, 16)
  bytes.writeDoubleLE(head.floor, 24)
  bytes.writeDoubleLE(head.floorPosition, 32)
  return bytes
}

function rowBytes(sequence: number, judged: number, applied: number): Buffer {
  const bytes = Buffer.alloc(ROW_BYTES)
  bytes.writeDoubleLE(sequence, 0)
  bytes.writeDoubleLE(judged, 8)
  bytes.writeDoubleLE(applied, 16)
  return bytes
}

function parseSubjects(bytes: Buffer): Subject[] {
  return JSON.parse(bytes.toString('utf8', 0, bytes.length)) as Subject[]
}
