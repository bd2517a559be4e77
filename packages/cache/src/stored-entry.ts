// A value as the shared tiers keep it: a head that says when, for how long, under which tags and in which build's shape it was made, then the value.
//
//     0  u8   version of this layout        2  u32  hash of the schema epoch      30 u32  life in ms, as given to the tier
//     1  u8   form of the value             6  f64  number before the load        34 u32  fresh for, in ms
//                                           14 f64  place in the log before it    38 u32  then stale-while-revalidate for, in ms
//                                           22 8 B  which machine's numbers       42 f32  the load took, in ms
//     46 u16  how many tags, each: u16 length, UTF-8      then the value
//
// Invariants
// * No clock: ages come from the tier, which says how much of the life is left.
// * What doesn't parse, or is of another layout, epoch or namespace shape, is a miss: never an exception, never another build's value.
import { createHash } from 'node:crypto'
import { decodeValue, type EncodedValue } from './value-codec.ts'

const LAYOUT = 1
const HEAD_BYTES = 48

/** What's known about a value besides itself. */
export interface EntryHead {
  /** The machine's number before the load began. */
  readonly stamp: number
  /** The place in the machines' log before it; 0 without a log. */
  readonly position: number
  readonly tags: readonly string[]
  readonly lifeMs: number
  readonly freshMs: number
  readonly staleMs: number
  readonly loadMs: number
}

/** What both sides have to agree on. */
export interface EntryForm {
  /** Of the namespace's shape and the build: 32 bits. */
  readonly epochHash: number
  /** Of the machine map whose numbers are used: 8 bytes. */
  readonly machine: Uint8Array
}

export interface StoredEntry extends EntryHead {
  /** Whether its `stamp` counts by this machine's numbers. */
  readonly sameMachine: boolean
  value(): unknown
}

/** 32 bits of a name. */
export function hash32(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0)
}

/** 8 bytes of a name. */
export function hash64(text: string): Uint8Array {
  return createHash('sha256').update(text).digest().subarray(0, 8)
}

export function encodeEntry(form: EntryForm, head: EntryHead, value: EncodedValue): Uint8Array {
  const tags = head.tags.map(tag => Buffer.from(tag, 'utf8'))
  const tagBytes = tags.reduce((sum, tag) => sum + 2 + tag.length, 0)
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + tagBytes + value.payload.length)
  bytes[0] = LAYOUT
  bytes[1] = value.form
  bytes.writeUInt32LE(form.epochHash, 2)
  bytes.writeDoubleLE(head.stamp, 6)
  bytes.writeDoubleLE(head.position, 14)
  bytes.set(form.machine, 22)
  bytes.writeUInt32LE(clampU32(head.lifeMs), 30)
  bytes.writeUInt32LE(clampU32(head.freshMs), 34)
  bytes.writeUInt32LE(clampU32(head.staleMs), 38)
  bytes.writeFloatLE(head.loadMs, 42)
  bytes.writeUInt16LE(tags.length, 46)
  let at = HEAD_BYTES
  for (const tag of tags) {
    bytes.writeUInt16LE(tag.length, at)
    bytes.set(tag, at + 2)
    at += 2 + tag.length
  }
  bytes.set(value.payload, at)
  return bytes
}

/** Undefined for what this build may not serve. The value is decoded when it's asked for; that may throw. */
export function decodeEntry(form: EntryForm, stored: Uint8Array): StoredEntry | undefined {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
  if (bytes.length < HEAD_BYTES || bytes[0] !== LAYOUT || bytes.readUInt32LE(2) !== form.epochHash) return undefined
  const tags: string[] = []
  let at = HEAD_BYTES
  for (let left = bytes.readUInt16LE(46); left > 0; left--) {
    if (at + 2 > bytes.length) return undefined
    const end = at + 2 + bytes.readUInt16LE(at)
    if (end > bytes.length) return undefined
    tags.push(bytes.toString('utf8', at + 2, end))
    at = end
  }
  const valueForm = bytes[1] ?? 0
  return {
    stamp: bytes.readDoubleLE(6),
    position: bytes.readDoubleLE(14),
    sameMachine: bytes.compare(form.machine, 0, 8, 22, 30) === 0,
    tags,
    lifeMs: bytes.readUInt32LE(30),
    freshMs: bytes.readUInt32LE(34),
    staleMs: bytes.readUInt32LE(38),
    loadMs: bytes.readFloatLE(42),
    value: () => decodeValue(valueForm, bytes.subarray(at)),
  }
}

function clampU32(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms)), 0xffff_ffff)
}
