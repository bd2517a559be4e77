// A closed loop: so many readers, each asks for the next row when it has its answer. It shows what a client can do, and its CPU time per read; its latencies say
// little, since a slow answer holds back the next question.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClosedLoopOrder, ClosedLoopResult } from './client-protocol.ts'
import { faultOf } from './items.ts'
import { KeyRing } from './key-ring.ts'
import { Meter } from './meter.ts'
import type { Reader } from './readers.ts'

const SEED = 1

/** @throws Error when an answer was wrong, or a read failed */
export async function runClosedLoop(reader: Reader, order: ClosedLoopOrder): Promise<ClosedLoopResult> {
  const loop = new ClosedLoop(reader)
  const readers = Promise.all(Array.from({ length: order.inFlight }, () => loop.readOn()))
  try {
    // Readers that end before they're told to have failed.
    return await Promise.race([loop.measure(order), readers.then(() => never())])
  } finally {
    loop.running = false
    await readers
  }
}

class ClosedLoop {
  running = true
  readonly #reader: Reader
  readonly #keys = new KeyRing(SEED)
  #reads = 0

  constructor(reader: Reader) {
    this.#reader = reader
  }

  /** @hot */
  async readOn(): Promise<void> {
    while (this.running) {
      const id = this.#keys.next()
      const fault = faultOf(await this.#reader.read(id), id)
      if (fault !== null) throw new Error(fault)
      this.#reads++
    }
  }

  async measure({ warmupMs, measureMs }: ClosedLoopOrder): Promise<ClosedLoopResult> {
    await sleep(warmupMs)
    const meter = new Meter(this.#reader)
    const before = this.#reads
    await sleep(measureMs)
    return { ...meter.read(), reads: this.#reads - before }
  }
}

function never(): never {
  throw new Error('the readers have ended without being told to')
}
