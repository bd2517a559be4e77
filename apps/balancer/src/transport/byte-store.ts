// Bytes that have to wait: copied out of a read buffer one behind the other, and read from the front.
//
//   buffer  | consumed ... | bytes ......... | free ... |
//           0              start             end        length
//
// One buffer that grows by doubling, however small the pieces are: a peer that sends octet by octet costs as much memory as one that
// sends all at once.
//
// Invariant: what was given out as a view is never written over. Only the free end is written to; a full buffer is replaced.

const SMALLEST_BYTES = 1024
const EMPTY = Buffer.alloc(0)

export class ByteStore {
  #buffer: Buffer = EMPTY
  #start = 0
  #end = 0

  get length(): number {
    return this.#end - this.#start
  }

  /** Everything that's there, as a view. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  append(buffer: Buffer, start: number, end: number): void {
    if (this.#end + end - start > this.#buffer.length) this.#grow(end - start)
    this.#end += buffer.copy(this.#buffer, this.#end, start, end)
  }

  /** Takes `count` bytes off the front. */
  consume(count: number): void {
    this.#start += count
  }

  #grow(moreBytes: number): void {
    const { bytes } = this
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(SMALLEST_BYTES, 2 * bytes.length, bytes.length + moreBytes))
    this.#end = bytes.copy(this.#buffer)
    this.#start = 0
  }
}
