// How an entry of a tier stands in its map, and when its life is over.
//
//     entries   <namespace>\0<key> ─▶ head (40 bytes), then the payload if it has at most 16 KiB
//     chunks    <namespace>\0<key>\1<number, base 36> ─▶ a piece of a longer payload
//     index     <namespace>\0<key> ─▶ head (40 bytes), last use, ms (f64), bytes taken (f64)
//     order     <namespace>\0<last use, ms, 8 digits><key> ─▶ one byte; what was used longest ago comes first
//     totals    <namespace>, or #all ─▶ entries (f64), bytes (f64)
//
// Head:    0  format (u8)            8  stored, ms of the machine's clock (f64)      24  life, ms (f64)
//          4  boot (u32)            16  stored, ms of the wall clock (f64)           32  length of the payload (u32)     36  pieces (u32)
//
// Long payloads go in pieces because a map's free pages have to lie side by side for one value, and because lmdb hands out values over 16 MiB as views of the
// map, which outlive it.
import { hashed, mapKey } from './map-key.ts'

export const ROW_FORMAT = 1
export const HEAD_BYTES = 40
const INDEX_BYTES = HEAD_BYTES + 16
export const MAX_INLINE_BYTES = 16 * 1024
/** 64 pages, less lmdb's header of 16 bytes. */
export const PIECE_BYTES = 64 * 4096 - 16
const MAX_NAMESPACE_CHARACTERS = 100
const USED_DIGITS = 8
const DIGIT_BASE = 36
/** Of each row, beside key and value: node headers, pages that aren't full. */
const ROW_OVERHEAD_BYTES = 64
const PAGE_BYTES = 4096

export interface Times {
  readonly boot: number
  readonly machineMs: number
  readonly wallMs: number
}

export interface RowHead extends Times {
  readonly lifeMs: number
  readonly length: number
  readonly pieces: number
}

export interface IndexRow extends RowHead {
  /** When it was used, to a minute; on the wall clock in a durable tier, on the machine's otherwise. */
  readonly usedMs: number
  readonly takenBytes: number
}

export interface Total {
  entries: number
  bytes: number
}

/** A namespace as the first part of a key; it has no NUL. */
export function namespaceKey(namespace: string): string {
  return namespace.includes('\0') ? hashed(namespace) : mapKey(namespace, MAX_NAMESPACE_CHARACTERS)
}

export function orderKey(entryKey: string, usedMs: number): string {
  const end = entryKey.indexOf('\0') + 1
  return entryKey.slice(0, end) + usedDigits(usedMs) + entryKey.slice(end)
}

export function usedMsOfOrderKey(key: string): number {
  const start = key.indexOf('\0') + 1
  return Number.parseInt(key.slice(start, start + USED_DIGITS), DIGIT_BASE)
}

export function entryKeyOfOrderKey(key: string): string {
  const start = key.indexOf('\0') + 1
  return key.slice(0, start) + key.slice(start + USED_DIGITS)
}

export function pieceKey(entryKey: string, piece: number): string {
  return `${entryKey}\u0001${piece.toString(DIGIT_BASE)}`
}

function usedDigits(usedMs: number): string {
  return Math.floor(usedMs).toString(DIGIT_BASE).padStart(USED_DIGITS, '0')
}

export function writeHead(into: Buffer, head: RowHead): void {
  into.writeUInt8(ROW_FORMAT, 0)
  into.writeUInt32LE(head.boot, 4)
  into.writeDoubleLE(head.machineMs, 8)
  into.writeDoubleLE(head.wallMs, 16)
  into.writeDoubleLE(head.lifeMs, 24)
  into.writeUInt32LE(head.length, 32)
  into.writeUInt32LE(head.pieces, 36)
}

export function indexBytes(row: IndexRow): Buffer {
  const bytes = Buffer.alloc(INDEX_BYTES)
  writeHead(bytes, row)
  bytes.writeDoubleLE(row.usedMs, HEAD_BYTES)
  bytes.writeDoubleLE(row.takenBytes, HEAD_BYTES + 8)
  return bytes
}

/** Undefined: not a row of this format. */
export function readIndex(bytes: Uint8Array | undefined): IndexRow | undefined {
  if (bytes === undefined || bytes.length < INDEX_BYTES || bytes[0] !== ROW_FORMAT) return undefined
  const row = Buffer.from(bytes.buffer, bytes.byteOffset, INDEX_BYTES)
  return {
    boot: row.readUInt32LE(4),
    machineMs: row.readDoubleLE(8),
    wallMs: row.readDoubleLE(16),
    lifeMs: row.readDoubleLE(24),
    length: row.readUInt32LE(32),
    pieces: row.readUInt32LE(36),
    usedMs: row.readDoubleLE(HEAD_BYTES),
    takenBytes: row.readDoubleLE(HEAD_BYTES + 8),
  }
}

/** What an entry takes of the map, in bytes: whole pages for what doesn't share one. */
export function takenBytes(entryKey: string, length: number): number {
  // The key stands in three tables.
  const rows = 3 * (entryKey.length + ROW_OVERHEAD_BYTES) + HEAD_BYTES + INDEX_BYTES
  const value = length + HEAD_BYTES
  return rows + (value <= PAGE_BYTES / 2 ? value : Math.ceil(value / PAGE_BYTES + 0.1) * PAGE_BYTES)
}

/**
 * What's left of a life, in ms; 0 or less: it's over. On the machine's clock within one boot. `durable`: on the wall clock too, which alone goes on while the machine
 * sleeps or is off; it may be set, so the greater age counts, and what was stored in the future is over.
 */
export function lifeLeftMs(stored: Times & { readonly lifeMs: number }, now: Times, durable: boolean): number {
  const machineAgeMs = stored.boot === now.boot ? now.machineMs - stored.machineMs : Number.NaN
  if (!durable) return machineAgeMs >= 0 ? stored.lifeMs - machineAgeMs : 0
  const wallAgeMs = now.wallMs - stored.wallMs
  if (wallAgeMs < 0 || machineAgeMs < 0) return 0
  return stored.lifeMs - Math.max(wallAgeMs, Number.isNaN(machineAgeMs) ? 0 : machineAgeMs)
}

export function totalBytes(total: Total): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeDoubleLE(total.entries, 0)
  bytes.writeDoubleLE(total.bytes, 8)
  return bytes
}

export function readTotal(bytes: Buffer | undefined): Total {
  return bytes === undefined
    ? { entries: 0, bytes: 0 }
    : { entries: bytes.readDoubleLE(0), bytes: bytes.readDoubleLE(8) }
}
