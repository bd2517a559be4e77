// The last words of a process: the end of what it wrote to standard error, for the message that says why it didn't start.

const MAX_BYTES = 4096

export class StderrTail {
  #bytes: Buffer = Buffer.alloc(0)
  #isCut = false

  push(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk])
    this.#isCut ||= all.length > MAX_BYTES
    // Copied, so that a large chunk isn't kept alive for its last few kilobytes.
    this.#bytes = all.length > MAX_BYTES ? Buffer.from(all.subarray(all.length - MAX_BYTES)) : all
  }

  /** At most 4 kB, from the beginning of a line when something was cut off. */
  toString(): string {
    const text = this.#bytes.toString('utf8')
    const lineEnd = text.indexOf('\n')
    return this.#isCut && lineEnd !== -1 ? text.slice(lineEnd + 1) : text
  }
}
