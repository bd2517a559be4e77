// Names and contents in a tarball, read by its format (POSIX.1-2024, pax: 512-byte headers), so that no program is needed.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const BLOCK_BYTES = 512

/** Files of a `.tgz` that npm made, by their path without the leading `package/`. */
export function readTarball(path: string): ReadonlyMap<string, Buffer> {
  const bytes = gunzipSync(readFileSync(path))
  const files = new Map<string, Buffer>()
  for (let at = 0; at + BLOCK_BYTES <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK_BYTES)
    const name = [text(header, 345, 155), text(header, 0, 100)].filter(part => part !== '').join('/')
    if (name === '') break
    const size = Number.parseInt(text(header, 124, 12), 8)
    const kind = text(header, 156, 1)
    at += BLOCK_BYTES
    if (kind === '0' || kind === '') files.set(name.replace(/^package\//, ''), bytes.subarray(at, at + size))
    at += Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES
  }
  return files
}

function text(header: Buffer, from: number, length: number): string {
  const end = header.indexOf(0, from)
  return header.toString('utf8', from, end === -1 ? from + length : Math.min(end, from + length)).trim()
}
