// A look at a map's file that costs two small reads and can't crash: lmdb trusts the file, and a process that reads beyond its end dies of SIGBUS.
//
// It only raises a suspicion. A sound file may be shorter than its header says, when the last pages are free ones that were never written.
//
// lmdb keeps its newest state in one of two meta pages at the start of the file (mdb.c, MDB_meta). In a page, after 24 bytes of page header:
//
//     0  magic 0xbeefc0de      24  page size (u32, in the first table's record)      120  last page used (u64)      128  transaction id (u64)
//     4  version (u32)
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

const PAGE_HEADER_BYTES = 24
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const META_BYTES = PAGE_HEADER_BYTES + 136
const MIN_PAGE_BYTES = 256
const MAX_PAGE_BYTES = 65_536

/** What makes the file look damaged; undefined: nothing, or there's no file. */
export function suspicionOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  const file = openSync(path, 'r')
  try {
    const first = readMeta(file, 0)
    if (first === undefined) return 'the first meta page is damaged'
    const second = readMeta(file, first.pageBytes)
    if (second === undefined) return 'the second meta page is damaged'
    // After the meta pages: lmdb writes them after the pages that they tell of.
    const { size } = fstatSync(file)
    const newest = second.transaction > first.transaction ? second : first
    if (newest.lastPage >= BigInt(Math.ceil(size / newest.pageBytes))) {
      return `the file ends at ${size} bytes, within the pages in use`
    }
    return undefined
  } finally {
    closeSync(file)
  }
}

interface Meta {
  readonly pageBytes: number
  readonly lastPage: bigint
  readonly transaction: bigint
}

function readMeta(file: number, position: number): Meta | undefined {
  const bytes = Buffer.alloc(META_BYTES)
  if (readSync(file, bytes, 0, META_BYTES, position) < META_BYTES) return undefined
  const meta = bytes.subarray(PAGE_HEADER_BYTES)
  const pageBytes = meta.readUInt32LE(24)
  if (meta.readUInt32LE(0) !== MAGIC || meta.readUInt32LE(4) !== DATA_VERSION) return undefined
  if (pageBytes < MIN_PAGE_BYTES || pageBytes > MAX_PAGE_BYTES) return undefined
  return { pageBytes, lastPage: meta.readBigUInt64LE(120), transaction: meta.readBigUInt64LE(128) }
}
