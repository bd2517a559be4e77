// COPY as streams. The connection is held until the stream has ended, and fenced before the next caller gets it.
//
// The streams are ours, around the driver's: theirs fail with errors that tell neither what became of the statement nor where it stood. A stream that its
// consumer gives up in the middle takes its connection with it, because the rest of the data would still come.
import { Readable, Writable } from 'node:stream'
import { copyOnto, onRejected, type DriverQuery } from '../driver/postgres-driver.ts'
import type { Running, Slot } from '../driver/slot.ts'
import type { SlotFailure } from '../driver/slot-failure.ts'
import { DbError, isServerError } from '../errors.ts'
import type { RunnableQuery } from './query.ts'
import type { SessionRunner } from './run-query.ts'

/** `copy ... to stdout`. @throws DbError */
export async function openCopyOut(runner: SessionRunner, query: RunnableQuery): Promise<Readable> {
  const copy = await open(runner, query, 'readable')
  const source = copy.stream as Readable
  async function* chunks(): AsyncGenerator<unknown, void> {
    let ended = false
    try {
      for await (const chunk of source) yield chunk
      ended = true
    } catch (error) {
      throw copy.failure(error)
    } finally {
      await copy.done(ended)
    }
  }
  const readable = Readable.from(chunks(), { objectMode: false })
  // One that is destroyed before it was read never starts its generator.
  readable.once('close', () => void copy.done(source.readableEnded))
  return readable
}

/** `copy ... from stdin`; 'finish' comes when the server has confirmed. @throws DbError */
export async function openCopyIn(runner: SessionRunner, query: RunnableQuery): Promise<Writable> {
  const copy = await open(runner, query, 'writable')
  const sink = copy.stream as Writable
  const writable = new Writable({
    write: (chunk, encoding, callback) => {
      sink.write(chunk, encoding, error => callback(error && copy.failure(error)))
    },
    final: callback => {
      sink.end((error?: Error | null) => {
        if (error) return callback(copy.failure(error))
        const told = copy.done(true)
        if (told === undefined) callback()
        else void told.then(() => callback())
      })
    },
    destroy: (error, callback) => {
      void copy.done(sink.writableFinished || sink.errored !== null)
      sink.destroy()
      callback(error && copy.failure(error))
    },
  })
  sink.on('error', error => writable.destroy(copy.failure(error)))
  copy.onLateError = error => writable.destroy(copy.failure(error))
  return writable
}

interface OpenCopy {
  readonly stream: unknown
  /** Told of an error after the data has ended. */
  onLateError: (error: unknown) => void
  /** Gives the connection back; broken unless the data has ended properly. Only the first call counts. Gives what has to be waited for. */
  done(ended: boolean): Promise<void> | undefined
  failure(error: unknown): Error
}

async function open(runner: SessionRunner, query: RunnableQuery, kind: 'readable' | 'writable'): Promise<OpenCopy> {
  const { session } = runner
  const { slot, waitedMs, leftMs } = await runner.lease(query)
  const startedAtMs = performance.now()
  slot.markDirty()
  let running!: Running
  const held: { copy?: OpenCopy } = {}
  const { failure, result } = await new Promise<{ failure: SlotFailure | null; result: unknown }>(resolve => {
    const start = (sql: Parameters<typeof copyOnto>[0]): DriverQuery => {
      const copy = copyOnto(sql, query)
      copy.options.simple = true
      copy.options.prepare = false
      return onRejected(copy, error => held.copy?.onLateError(error))
    }
    running = slot.run(start, leftMs, (failure, result) => resolve({ failure, result }))
  })
  const times = { waitedMs, startedAtMs }
  if (failure !== null) {
    session.release(slot)
    const error = runner.error(query, failure, waitedMs)
    await runner.finished(query, running, slot, times, error)
    throw error
  }
  const isStream = kind === 'readable' ? result instanceof Readable : result instanceof Writable
  if (!isStream) {
    slot.discard('stream-broken')
    session.release(slot)
    const wanted = kind === 'readable' ? 'copy ... to stdout' : 'copy ... from stdin'
    throw new DbError('DB_ERR_UNSUPPORTED', `${kind}() is for "${wanted}"; this statement gave no such stream.`, {
      outcome: 'unknown',
    })
  }
  held.copy = new HeldCopy(runner, query, slot, running, times, result)
  return held.copy
}

class HeldCopy implements OpenCopy {
  readonly stream: unknown
  onLateError: (error: unknown) => void = () => {}
  readonly #runner: SessionRunner
  readonly #query: RunnableQuery
  readonly #slot: Slot
  readonly #running: Running
  readonly #times: { readonly waitedMs: number; readonly startedAtMs: number }
  #failure: DbError | undefined
  #done = false

  constructor(
    runner: SessionRunner,
    query: RunnableQuery,
    slot: Slot,
    running: Running,
    times: { readonly waitedMs: number; readonly startedAtMs: number },
    stream: unknown,
  ) {
    this.#runner = runner
    this.#query = query
    this.#slot = slot
    this.#running = running
    this.#times = times
    this.stream = stream
  }

  done(ended: boolean): Promise<void> | undefined {
    if (this.#done) return undefined
    this.#done = true
    if (!ended && this.#failure?.server === undefined) this.#slot.discard('stream-broken')
    this.#runner.session.release(this.#slot)
    return this.#runner.finished(this.#query, this.#running, this.#slot, this.#times, this.#failure)
  }

  failure(error: unknown): Error {
    if (error instanceof DbError) return error
    // What the consumer throws into its own stream stays as it is.
    const failure = slotFailureOf(error, this.#slot)
    if (failure === undefined) return error instanceof Error ? error : new Error(String(error))
    this.#failure ??= this.#runner.error(this.#query, failure, this.#times.waitedMs)
    return this.#failure
  }
}

function slotFailureOf(error: unknown, slot: Slot): SlotFailure | undefined {
  if (isServerError(error)) return { kind: 'server', error, because: undefined }
  if (slot.state === 'dead') return { kind: 'lost', reason: 'CONNECTION_CLOSED', because: undefined, sent: true }
  return undefined
}
