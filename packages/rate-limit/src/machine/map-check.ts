// A look at a map's file that costs two small reads and can't crash: lmdb trusts the file, and a process that reads beyond its end dies of SIGBUS.
//
// lmdb keeps its state in two meta pages at the start of the file, and the newer one holds (mdb.c, MDB_meta). In a page, after 24 bytes of page header:
//
//     0  magic 0xbeefc0de      24  page size (u32, in the first table's record)      120  last page used (u64)      128  transaction id (u64)
//     4  version (u32)
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const PAGE_HEADER_BYTES = 24
const META_BYTES = PAGE_HEADER_BYTES + 136
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2

/**
 * What makes the file look damaged; undefined: nothing, or there's none, or it's being made at the moment.
 * @throws when it can't be read
 */
export function damageOf(path: string): string | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    if (fstatSync(file).size === 0) return undefined
    const first = metaAt(file, 0)
    const second = first === undefined ? undefined : metaAt(file, first.pageBytes)
    if (first === undefined || second === undefined) return 'a meta page is damaged'
    // After the meta pages: lmdb writes them after the pages that they tell of.
    const { size } = fstatSync(file)
    const newest = second.transaction > first.transaction ? second : first
    if (newest.lastPage < BigInt(Math.ceil(size / newest.pageBytes))) return undefined
    return `the file ends at ${size} bytes, within the pages in use`
  } finally {
    closeSync(file)
  }
}

function metaAt(file: number, position: number) {
  const page = Buffer.alloc(META_BYTES)
  if (readSync(file, page, 0, META_BYTES, position) < META_BYTES) return undefined
  const meta = page.subarray(PAGE_HEADER_BYTES)
  const pageBytes = meta.readUInt32LE(24)
  if (meta.readUInt32LE(0) !== MAGIC || meta.readUInt32LE(4) !== DATA_VERSION) return undefined
  if (pageBytes < 256 || pageBytes > 65_536) return undefined
  return { pageBytes, lastPage: meta.readBigUInt64LE(120), transaction: meta.readBigUInt64LE(128) }
}
