// A log file that rotates by size and keeps a bounded number of old files.
//
// One file belongs to one process: give each worker its own path. Rotation is pino-roll's, which is maintained by pino's authors.
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { DestinationStream } from 'pino'
import pinoRoll from 'pino-roll'

export interface LogFileOptions {
  /** Path without the running number: `logs/api-0` becomes `logs/api-0.1.log`, `logs/api-0.2.log`, ... */
  readonly path: string
  /** Size at which a new file is begun, in MiB. Default 20. */
  readonly maxMebibytes?: number
  /** Old files kept beside the one that's being written. Default 4, so five in all. */
  readonly keptFiles?: number
}

/** An open log file; pass it to `createLogger` as destination. */
export interface LogFile extends DestinationStream {
  /** Writes what is buffered and closes the file. */
  close(): Promise<void>
}

/** @throws the file system's error when the folder can't be made or the file can't be opened. */
export async function openLogFile(options: LogFileOptions): Promise<LogFile> {
  await mkdir(path.dirname(options.path), { recursive: true })
  const stream = await pinoRoll({
    file: options.path,
    extension: '.log',
    size: `${options.maxMebibytes ?? 20}m`,
    // With this switch the limit also counts the files of earlier runs under the same path.
    limit: { count: options.keptFiles ?? 4, removeOtherLogFiles: true },
    mkdir: true,
  })
  return {
    write: line => {
      stream.write(line)
    },
    close: () =>
      new Promise<void>((resolve, reject) => {
        stream.once('close', resolve)
        stream.once('error', reject)
        stream.end()
      }),
  }
}
