// A row of the machine's map: the keys of one rule whose digests fall together, each with its window.
//
//     end of the last window (f64) │ entry │ entry │ ...        entry: digest (16 bytes), window as windows.ts saves it
//
// A rule has a fixed number of rows, a row has room for ENTRIES keys of its own: that's the bound on memory, without a list of what's oldest. When a row is full and
// none of its keys is over, newcomers to it share one more entry (a digest of zeros), as rule-windows.ts does it: so a blocked key stays blocked, no key ever gets
// more than the limit, and newcomers may be refused too early. Which keys fall together is by a secret of the map's.
//
// Invariants
// * A key's own requests are always part of the entry it's measured by.
// * What's over leaves when its row is next written.
import { SAVED_HEAD_BYTES, type Windows } from '../windows.ts'

/** Keys with a count of their own, per row. */
export const ENTRIES = 8
/** Of them on average, when a rule has as many keys as it's told to expect: rows are filled by chance, and few shall be full. */
export const EXPECTED_ENTRIES = 4
const ROW_HEAD_BYTES = 8
const DIGEST_BYTES = 16
const SHARED = Buffer.alloc(DIGEST_BYTES)

/** Bytes of a row at most. */
export function maxRowBytes(cells: number): number {
  return ROW_HEAD_BYTES + (ENTRIES + 1) * (DIGEST_BYTES + SAVED_HEAD_BYTES + cells * 8)
}

/** From when on nothing in the row counts any more. */
export function rowEndMs(row: Buffer): number {
  return row.length < ROW_HEAD_BYTES ? 0 : row.readDoubleLE(0)
}

export interface Bucket {
  /** The entry that the key is measured by, as it was read; -1: none. */
  readonly at: number
  /** Whether that's what newcomers share. */
  readonly isShared: boolean
}

const NONE: Bucket = { at: -1, isShared: false }

/** Finds what the key is measured by, and loads it into slot 0; nothing: slot 0 is empty. */
export function findEntry(row: Buffer | undefined, digest: Buffer, windows: Windows, nowMs: number): Bucket {
  windows.clear(0)
  if (row === undefined) return NONE
  let shared = -1
  for (const { at, isShared, isOwn } of entriesOf(row, digest)) {
    if (isOwn) return windows.load(0, row, at + DIGEST_BYTES) ? { at, isShared: false } : NONE
    if (isShared) shared = at
  }
  if (shared === -1 || !windows.load(0, row, shared + DIGEST_BYTES) || windows.used(0, nowMs) === 0) return NONE
  return { at: shared, isShared: true }
}

/** The row with slot 0 as what the key counts now; undefined: nothing is left in it. */
export function withEntry(
  row: Buffer | undefined,
  { digest, found, windowMs, nowMs }: { digest: Buffer; found: Bucket; windowMs: number; nowMs: number },
  windows: Windows,
): Buffer | undefined {
  const isLeft = windows.used(0, nowMs) > 0
  const kept: Buffer[] = []
  let own = 0
  let endMs = 0
  for (const { at, endAt, isShared } of row === undefined ? [] : entriesOf(row, digest)) {
    const lastMs = (row as Buffer).readDoubleLE(at + DIGEST_BYTES)
    if (lastMs + windowMs <= nowMs || (at === found.at && !(isShared && isLeft))) continue
    kept.push((row as Buffer).subarray(at, endAt))
    endMs = Math.max(endMs, lastMs + windowMs)
    if (!isShared) own++
  }
  if (isLeft) {
    // A newcomer takes along what it was counted with; where there's no room it goes on being counted with others.
    const isShared = own >= ENTRIES
    const entry = Buffer.allocUnsafe(DIGEST_BYTES + windows.savedBytes(0))
    ;(isShared ? SHARED : digest).copy(entry, 0, 0, DIGEST_BYTES)
    windows.save(0, entry, DIGEST_BYTES)
    if (isShared) remove(kept, one => SHARED.equals(one.subarray(0, DIGEST_BYTES)))
    kept.push(entry)
    endMs = Math.max(endMs, nowMs + windowMs)
  }
  if (kept.length === 0) return undefined
  const head = Buffer.allocUnsafe(ROW_HEAD_BYTES)
  head.writeDoubleLE(endMs, 0)
  return Buffer.concat([head, ...kept])
}

interface Entry {
  readonly at: number
  readonly endAt: number
  readonly isShared: boolean
  readonly isOwn: boolean
}

/** Ends where the row can't be read any further. */
function* entriesOf(row: Buffer, digest: Buffer): Generator<Entry> {
  let at = ROW_HEAD_BYTES
  while (at + DIGEST_BYTES + SAVED_HEAD_BYTES <= row.length) {
    const endAt = at + DIGEST_BYTES + SAVED_HEAD_BYTES + row.readUInt32LE(at + DIGEST_BYTES + 12) * 8
    if (endAt > row.length) return
    const isShared = row.compare(SHARED, 0, DIGEST_BYTES, at, at + DIGEST_BYTES) === 0
    const isOwn = row.compare(digest, 0, DIGEST_BYTES, at, at + DIGEST_BYTES) === 0
    yield { at, endAt, isShared, isOwn }
    at = endAt
  }
}

function remove(list: Buffer[], isIt: (one: Buffer) => boolean): void {
  const index = list.findIndex(isIt)
  if (index !== -1) list.splice(index, 1)
}
