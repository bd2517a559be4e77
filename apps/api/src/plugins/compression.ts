// Options for @fastify/compress: which answers are worth compressing.
import type { FastifyCompressOptions } from '@fastify/compress'

/**
 * Below this size compressing costs more than it saves: the answer fits one packet anyway.
 * Brotli at quality 4 and gzip cost about the same CPU here; brotli is smaller.
 */
const SMALLEST_BYTES = 1024

export function compressOptions(): FastifyCompressOptions {
  return {
    threshold: SMALLEST_BYTES,
    encodings: ['br', 'gzip', 'identity'],
    // A compressed body is refused where bodies are read (http/json-body.ts).
    globalDecompression: false,
  }
}
