// Reads one head (or trailer section) out of a stream of buffers: in place where it lies whole in one of them, which is nearly always,
// and out of a buffer of its own where it doesn't.
//
//   read(a)  whole head in `a`                    → scanned where it lies, nothing copied, nothing allocated
//   read(a)  begins in `a`  ─► copied to `partial`; read(b) appends what of `b` may still belong to it and scans on
//
// Invariants
// * No octet is scanned twice: the scanners go on where they stopped, so a head that comes octet by octet costs linear time.
// * Never more than `maxBytes` octets of a section are scanned or kept, wherever the reads end: the limit counts octets, not reads.
// * `partial` exists only while a head is under way or its callback may look at it; `begin` drops it, so that an idle connection
//   holds nothing.
//
// @hot

import { scanFieldLines } from './field-lines.ts'
import * as phases from './head-phases.ts'
import { HeadScan } from './head-scan.ts'
import type { Limits } from './limits.ts'
import { scanRequestLine, skipEmptyLines } from './request-line.ts'
import { scanStatusLine } from './status-line.ts'

// An imported binding is looked up at each use; a constant of this module is folded into the code, which saves 10-15 % of a head.
const { PHASE_DONE, PHASE_LINE, PHASE_METHOD, PHASE_SKIPPING_LF, REQUEST } = phases

/** Smallest buffer for a head that comes in pieces, in octets. */
const SMALLEST_PARTIAL_BYTES = 1024

export class HeadReader {
  readonly scan: HeadScan
  /** Whether any octet of the head has been read (empty lines before it don't count). */
  started = false
  private partial: Buffer | null = null
  private partialBytes = 0

  /** `kind` is `REQUEST`, `RESPONSE` or `TRAILERS`. */
  constructor(kind: number, limits: Limits) {
    this.scan = new HeadScan(kind, limits)
  }

  /** Whether the head is whole. */
  get done(): boolean {
    return this.scan.phase === PHASE_DONE
  }

  /** Forgets the last head and waits for the next one. */
  begin(): void {
    this.scan.clear()
    this.started = false
    this.partial = null
    this.partialBytes = 0
  }

  /**
   * Reads from `[start, end)` and returns how far it came. Then the head is whole (`done`), or it's refused (`scan.refusal`), or all
   * was taken and more is needed.
   */
  read(buffer: Buffer, start: number, end: number): number {
    if (this.partial !== null) return this.readOn(buffer, start, end)
    const scan = this.scan
    const head = scan.head
    let pos = start
    head.buffer = buffer
    if (!this.started) {
      if (scan.phase <= PHASE_SKIPPING_LF) {
        pos = skipEmptyLines(scan, buffer, pos, end)
        if (scan.phase !== PHASE_METHOD || scan.refusal !== null) return pos
      }
      if (pos === end) return pos
      head.start = pos
      this.started = true
    }
    const limit = Math.min(end, pos + scan.maxBytes)
    pos = this.scanTo(buffer, pos, limit)
    if (scan.refusal !== null) return pos
    if (scan.phase === PHASE_DONE) {
      head.end = pos
      return pos
    }
    if (pos - head.start === scan.maxBytes) {
      scan.refuse(scan.tooLarge, pos)
      return pos
    }
    this.keep(buffer, pos)
    return pos
  }

  /** The head has begun in `partial`: takes in more octets and scans on. */
  private readOn(buffer: Buffer, start: number, end: number): number {
    const scan = this.scan
    const had = this.partialBytes
    const limit = Math.min(had + (end - start), scan.maxBytes)
    const partial = this.widen(limit)
    buffer.copy(partial, had, start, start + limit - had)
    this.partialBytes = limit
    const pos = this.scanTo(partial, had, limit)
    if (scan.refusal === null) {
      if (scan.phase === PHASE_DONE) scan.head.end = pos
      else if (pos === scan.maxBytes) scan.refuse(scan.tooLarge, pos)
    }
    return start + pos - had
  }

  /** Copies a whole head out of the caller's buffer, so that it lasts until `begin`. */
  hold(): void {
    if (this.partial !== null || !this.done) return
    const head = this.scan.head
    const { buffer, start, end } = head
    const own = Buffer.allocUnsafeSlow(end - start)
    buffer.copy(own, 0, start, end)
    this.partial = own
    head.moveTo(own, head.headerCount)
  }

  private scanTo(buffer: Buffer, from: number, end: number): number {
    const scan = this.scan
    let pos = from
    if (scan.phase < PHASE_LINE) {
      pos = scan.kind === REQUEST ? scanRequestLine(scan, buffer, pos, end) : scanStatusLine(scan, buffer, pos, end)
      if (scan.phase !== PHASE_LINE || scan.refusal !== null) return pos
    }
    return scanFieldLines(scan, buffer, pos, end)
  }

  /** Copies the beginning of a head out of a buffer that belongs to the caller. */
  private keep(buffer: Buffer, end: number): void {
    const head = this.scan.head
    const bytes = end - head.start
    const partial = this.widen(bytes)
    buffer.copy(partial, 0, head.start, end)
    this.partialBytes = bytes
    head.moveTo(partial, Math.min(head.headerCount + 1, head.nameStart.length))
  }

  /** Makes `partial` hold at least `bytes`, by doubling, at most `maxBytes`. */
  private widen(bytes: number): Buffer {
    const old = this.partial
    if (old !== null && old.length >= bytes) return old
    let size = old === null ? SMALLEST_PARTIAL_BYTES : old.length
    while (size < bytes) size *= 2
    // Slow: out of the shared pool a small slice would keep the pool's 64 KiB alive for as long as a slow client likes.
    const wide = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(size, this.scan.maxBytes)))
    if (old !== null) old.copy(wide, 0, 0, this.partialBytes)
    this.partial = wide
    this.scan.head.buffer = wide
    return wide
  }
}
