// What generator, backend and suite agree on: how a request names itself, and the messages between the processes.
//
// Each request carries a number in its path, at a fixed place, and each answer has it at the beginning of its body: a proxy that hands an
// answer to the wrong request is found out at once, and the check costs ten bytes.
//
//     POST /b0000001234 HTTP/1.1        HTTP/1.1 200 OK
//          ─┬─────────                  Content-Length: 16384
//           └ size letter, ten digits
//                                       0000001234xxxxxxxx...

/** Bytes of an answer's body, by the letter in the path. */
export const SIZES = { a: 128, b: 16_384 } as const
export type SizeLetter = keyof typeof SIZES

export const ID_DIGITS = 10

/** One kind of request. */
export interface Workload {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly size: SizeLetter
  /** Of the request; 0 for none. At least ID_DIGITS otherwise: the body begins with the number too. */
  readonly bodyBytes: number
  readonly connections: number
  /** Lines beside Host and Content-Length. */
  readonly fields: readonly string[]
}

/** Suite → generator. */
export interface RunLoad {
  readonly kind: 'run'
  readonly port: number
  readonly workload: Workload
  readonly warmupMs: number
  readonly measureMs: number
}

/** Generator → suite. */
export type LoadMessage =
  | { readonly kind: 'waiting' }
  /** The warm-up is over, counting begins. */
  | { readonly kind: 'measuring' }
  /** Counting is over; requests under way are still answered. */
  | { readonly kind: 'measured' }
  | ({ readonly kind: 'done' } & LoadResult)
  | { readonly kind: 'failed'; readonly reason: string }

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** From the write of a request to the end of its answer; all connections always have one under way, so this is no open-loop latency. */
  readonly p50Us: number
  readonly p99Us: number
  /** Answers that were not the right one for their request, and connections that ended. */
  readonly wrong: number
  readonly firstWrong: string | null
}

/** Backend → suite. */
export interface BackendListening {
  readonly kind: 'listening'
  readonly ports: readonly number[]
}

/** The head of a request up to and including the empty line, with zeros for its number. */
export function requestHead(workload: Workload): string {
  const { method, size, bodyBytes, fields } = workload
  const lines = [`${method} /${size}${'0'.repeat(ID_DIGITS)} HTTP/1.1`, 'Host: bench.example', ...fields]
  if (bodyBytes > 0) lines.push('Content-Type: application/octet-stream', `Content-Length: ${bodyBytes}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Where the number's first digit stands in a request. */
export function idOffset(method: string): number {
  return method.length + ' /a'.length
}
