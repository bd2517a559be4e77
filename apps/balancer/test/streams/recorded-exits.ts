// Records what a stream lets out, and what it says.
import type { StreamExits, StreamKind } from '../../src/streams/stream-goodbye.ts'

export class RecordedExits implements StreamExits {
  readonly #client: Buffer[] = []
  readonly #endpoint: Buffer[] = []
  /** `told` and `over`, in order. */
  readonly said: string[] = []

  get client(): Buffer {
    return Buffer.concat(this.#client)
  }

  get endpoint(): Buffer {
    return Buffer.concat(this.#endpoint)
  }

  toClient(buffer: Buffer, start: number, end: number): void {
    if (this.said.includes('over')) throw new Error('bytes for the client behind the end')
    this.#client.push(Buffer.from(buffer.subarray(start, end)))
  }

  toEndpoint(buffer: Buffer, start: number, end: number): void {
    if (this.said.includes('over')) throw new Error('bytes for the endpoint behind the end')
    this.#endpoint.push(Buffer.from(buffer.subarray(start, end)))
  }

  onStreamTold(kind: StreamKind): void {
    this.said.push(`told ${kind}`)
  }

  onStreamOver(): void {
    this.said.push('over')
  }
}
