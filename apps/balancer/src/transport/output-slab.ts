// Where everything that's written to a socket is put together first: a head, its body's first octets, a chunk's frame: one write.
//
//   SocketWriter A ─┐
//   SocketWriter B ─┼─► one slab at a time belongs to one writer ──flush──► socket.write(one view)
//   SocketWriter C ─┘
//
// The slab is shared by all sockets of the process, because bytes stay in it only within one event of the loop. Whoever handles such an
// event calls `slab.flush()` at its end.
//
// Invariants
// * Bytes of one socket never get to another: when a writer begins to stage, what another has staged is flushed first.
// * Order is kept: bytes that bypass the slab (large pieces) are written after what the same writer has staged.
// * The slab is written over only when the kernel has taken its bytes; while a socket still holds a view of it, a new slab takes its place.
import type { Socket } from 'node:net'

const SLAB_BYTES = 64 * 1024
/** A piece up to this size is copied into the slab, a larger one is handed to the socket as it is. */
const COPIED_BYTES = 8 * 1024

export class OutputSlab {
  buffer: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
  /** First octet that isn't flushed yet. */
  from = 0
  /** First free octet. */
  to = 0
  owner: SocketWriter | null = null

  /** Writes what is staged, whoever staged it. */
  flush(): void {
    this.owner?.flush()
  }

  /** Forgets what is staged: whoever staged it has failed in the middle, and its socket will be closed. */
  drop(): void {
    this.owner = null
    this.to = this.from
  }

  /** A fresh slab: the old one is still being written from. */
  renew(leastBytes: number): void {
    this.buffer = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, leastBytes))
    this.from = 0
    this.to = 0
  }
}

/** The writing side of one socket. */
export class SocketWriter {
  readonly #slab: OutputSlab
  readonly #socket: Socket
  /** Octets handed to the socket since the beginning. */
  bytesWritten = 0

  constructor(slab: OutputSlab, socket: Socket) {
    this.#slab = slab
    this.#socket = socket
  }

  /** Whether the socket has more to write than it should hold: whoever reads from the other side should pause. */
  get isCongested(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Where the next byte goes in the buffer that `reserve` has returned. */
  get offset(): number {
    return this.#slab.to
  }

  /** Makes room for `bytes` in the slab; write at `offset` of the returned buffer and say by `commit` where it ends. */
  reserve(bytes: number): Buffer {
    const slab = this.#slab
    if (slab.owner !== this) {
      slab.flush()
      slab.owner = this
    }
    if (slab.to + bytes > slab.buffer.length) {
      this.flush()
      slab.owner = this
      if (slab.to + bytes > slab.buffer.length) slab.renew(bytes)
    }
    return slab.buffer
  }

  commit(end: number): void {
    this.#slab.to = end
  }

  /** Stages a piece, or hands it to the socket when it's large. The buffer must not be written over afterwards. */
  append(buffer: Buffer, start: number, end: number): void {
    const bytes = end - start
    if (bytes > COPIED_BYTES) {
      if (this.#slab.owner === this) this.flush()
      this.#write(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
      return
    }
    const target = this.reserve(bytes)
    buffer.copy(target, this.#slab.to, start, end)
    this.#slab.to += bytes
  }

  /** Stages text of one octet per character. */
  appendLatin1(text: string): void {
    const target = this.reserve(text.length)
    this.#slab.to += target.write(text, this.#slab.to, 'latin1')
  }

  /** Hands what is staged to the socket, in one write. */
  flush(): void {
    const slab = this.#slab
    if (slab.owner !== this) return
    slab.owner = null
    const { from, to } = slab
    if (to === from) return
    const view = slab.buffer.subarray(from, to)
    // Behind the view, in case the socket doesn't take it at once.
    slab.from = to
    this.#write(view)
    if (this.#socket.writableLength === 0) {
      slab.from = from
      slab.to = from
    } else if (slab.buffer.length - to < COPIED_BYTES) {
      slab.renew(0)
    }
  }

  #write(view: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    this.bytesWritten += view.length
    this.#socket.write(view)
  }
}
