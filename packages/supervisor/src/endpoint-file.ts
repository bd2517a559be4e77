// The list of endpoints as a file, for a balancer in another process to watch.
//
// Invariants
// * A reader sees a whole list or the one before it, never a half: written beside it and renamed over it.
// * `sequence` grows with every change, also over restarts of the supervisor, so a reader can tell old from new.
// * Writes don't overtake each other. Changes that come in while one is written are joined: only the newest list is written next.
import { readFile, rename, writeFile } from 'node:fs/promises'

/** Where a worker can be reached, and whether it should be. */
export interface Endpoint {
  /** `<worker>-<generation>`: never used for another process. */
  readonly id: string
  /** `unix:` and the absolute path of the worker's socket. */
  readonly url: string
  /** `draining`: finishes what it has; nothing new should be sent. */
  readonly state: 'ready' | 'draining'
}

/** What the file holds, as JSON. */
export interface EndpointFileContent {
  readonly format: 1
  /** Grows by one or more with every change. */
  readonly sequence: number
  readonly endpoints: readonly Endpoint[]
}

export interface EndpointFile {
  /** Resolves when the file holds this list or a newer one. Rejects with the file system's error; the next write tries again. */
  write(endpoints: readonly Endpoint[]): Promise<void>
}

/** An endpoint file at `path`; its folder has to exist when it's first written. */
export function createEndpointFile(path: string): EndpointFile {
  let sequence: number | null = null
  let wanted: readonly Endpoint[] = []
  let running: Promise<void> = Promise.resolve()
  let next: Promise<void> | null = null

  async function writeNewest(): Promise<void> {
    next = null
    sequence = (sequence ?? (await lastSequence(path))) + 1
    const content: EndpointFileContent = { format: 1, sequence, endpoints: wanted }
    const temporaryPath = `${path}.tmp`
    await writeFile(temporaryPath, `${JSON.stringify(content)}\n`)
    await rename(temporaryPath, path)
  }

  return {
    write(endpoints) {
      wanted = endpoints
      // Whether the write before it failed is its own caller's to hear.
      next ??= running.then(writeNewest, writeNewest)
      running = next
      return next
    },
  }
}

async function lastSequence(path: string): Promise<number> {
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'))
    const sequence = (content as Partial<EndpointFileContent> | null)?.sequence
    return typeof sequence === 'number' && Number.isSafeInteger(sequence) ? sequence : 0
  } catch {
    return 0 // No file yet, or not one of ours: a reader has seen no sequence either.
  }
}
