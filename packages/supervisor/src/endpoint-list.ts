// The list of endpoints that others send to, as the processes' states make it, and its announcement.
//
// Invariants
// * 'ready' and 'draining' are in it, nothing else is. A process that serves but calls itself unready stays as it is: who's well enough to get
//   requests is for a balancer's own checks, and when all of them say so at once there has to be somebody to ask.
// * Published whole, once per turn, after every change: what changes together is seen together.
import { messageOf } from './errors.ts'
import type { Endpoint } from './endpoint-file.ts'
import type { Logger } from './options.ts'
import type { ProcessState, WorkerProcess } from './worker-process.ts'

export class EndpointList {
  readonly #onChange: (endpoints: readonly Endpoint[]) => void | Promise<void>
  readonly #logger: Logger
  readonly #endpoints = new Map<WorkerProcess, Endpoint>()
  /** What onChange has last been called for; settled when it has seen the newest list. */
  #announcement: Promise<void> = Promise.resolve()
  #isAnnouncementDue = false

  constructor(onChange: (endpoints: readonly Endpoint[]) => void | Promise<void>, logger: Logger) {
    this.#onChange = onChange
    this.#logger = logger
  }

  /** Resolves when the newest list has been taken in by whoever listens; never rejects. */
  get announced(): Promise<void> {
    return this.#announcement
  }

  /** A process has changed its state. */
  update(process: WorkerProcess, from: ProcessState): void {
    const { id, socketPath, state } = process
    const url = `unix:${socketPath}`
    switch (state) {
      case 'ready':
        if (from === 'unready') return
        this.#endpoints.set(process, { id, url, state })
        break
      case 'draining':
        this.#endpoints.set(process, { id, url, state })
        break
      case 'stopping':
      case 'ended':
        if (!this.#endpoints.delete(process)) return
        break
      case 'unready':
      case 'starting':
        return
      default:
        state satisfies never
    }
    this.announceSoon()
  }

  /** Publishes the list at the end of this turn. */
  announceSoon(): void {
    if (this.#isAnnouncementDue) return
    this.#isAnnouncementDue = true
    this.#announcement = Promise.resolve().then(() => this.#announce())
  }

  async #announce(): Promise<void> {
    this.#isAnnouncementDue = false
    try {
      await this.#onChange([...this.#endpoints.values()])
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'The list of endpoints could not be announced.')
    }
  }
}
