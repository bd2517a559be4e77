// Endpoints listed in a JSON file that its owner replaces (write beside it, then rename) whenever the list changes.
//
//   { "format": 1, "sequence": 7, "endpoints": [ { "id": "0-1", "url": "unix:/run/api/0-1.sock", "state": "ready", "weight": 1 } ] }
//
// Invariants
// * The file system's events make a change visible within milliseconds; the poll makes it visible also where events aren't delivered.
// * A file that's missing or wrong changes nothing: the last good list stays, and the fault is reported once until it changes.
import { watch, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseUpstreamAddress } from '../upstream/address.ts'
import type { EndpointDescription } from '../upstream/endpoint.ts'

export interface EndpointFileOptions {
  readonly path: string
  readonly pollMs: number
  onList(list: EndpointDescription[]): void
  onFault(message: string): void
}

/** @throws Error with a sentence about the first thing that's wrong. */
export function parseEndpointFile(text: string): EndpointDescription[] {
  const file = JSON.parse(text) as { format?: unknown; endpoints?: unknown }
  if (file.format !== 1) throw new Error(`"format" is ${JSON.stringify(file.format)}, this version reads format 1`)
  if (!Array.isArray(file.endpoints)) throw new Error('"endpoints" is not a list')
  const ids = new Set<string>()
  return file.endpoints.map((entry: Record<string, unknown>, index) => {
    const { id, url, state = 'ready', weight = 1 } = entry
    if (typeof id !== 'string' || typeof url !== 'string')
      throw new Error(`endpoints[${index}] needs the texts "id" and "url"`)
    if (state !== 'ready' && state !== 'draining')
      throw new Error(`endpoints[${index}].state is neither "ready" nor "draining"`)
    if (!Number.isInteger(weight) || (weight as number) < 1 || (weight as number) > 1000) {
      throw new Error(`endpoints[${index}].weight is no whole number from 1 to 1000`)
    }
    if (ids.has(id)) throw new Error(`endpoints[${index}].id "${id}" stands twice`)
    ids.add(id)
    return { id, url, address: parseUpstreamAddress(url), weight: weight as number, administrative: state }
  })
}

export class EndpointFile {
  readonly #options: EndpointFileOptions
  #watcher: FSWatcher | null = null
  #poll: NodeJS.Timeout | null = null
  #lastText: string | null = null
  #lastFault: string | null = null
  #reading = false
  #again = false
  #stopped = false

  constructor(options: EndpointFileOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    await this.#read()
    if (this.#stopped) return
    // The folder is watched, not the file: a rename replaces the file that a watch would hold on to.
    try {
      this.#watcher = watch(path.dirname(this.#options.path), () => void this.#read())
      this.#watcher.on('error', () => {
        // The poll goes on without it.
        this.#watcher?.close()
      })
    } catch {
      // No events to be had (the folder doesn't exist yet, or the limit on watches is reached): the poll is enough.
    }
    this.#poll = setInterval(() => void this.#read(), this.#options.pollMs)
  }

  /** Nobody is told anything afterwards. */
  stop(): void {
    this.#stopped = true
    this.#watcher?.close()
    if (this.#poll) clearInterval(this.#poll)
  }

  async #read(): Promise<void> {
    if (this.#reading) {
      this.#again = true
      return
    }
    this.#reading = true
    try {
      do {
        this.#again = false
        await this.#readOnce()
      } while (this.#again)
    } finally {
      this.#reading = false
    }
  }

  async #readOnce(): Promise<void> {
    try {
      const text = await readFile(this.#options.path, 'utf8')
      if (this.#stopped) return
      if (text !== this.#lastText) {
        const list = parseEndpointFile(text)
        this.#lastText = text
        this.#options.onList(list)
      }
      this.#lastFault = null
    } catch (error) {
      if (this.#stopped) return
      const message = `${this.#options.path}: ${(error as Error).message}`
      if (message !== this.#lastFault) this.#options.onFault(message)
      this.#lastFault = message
    }
  }
}
