// The part of pino-roll's interface that log-file.ts uses; the package ships no declarations.
declare module 'pino-roll' {
  import type { Writable } from 'node:stream'

  export default function build(options: {
    file: string
    extension: string
    size: string
    limit: { count: number; removeOtherLogFiles: boolean }
    mkdir: boolean
  }): Promise<Writable>
}
