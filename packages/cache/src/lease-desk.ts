// Who loads for all: one process of the machine, and where it's asked for one machine of the cluster.
//
// Invariants
// * Whoever gets a lease has looked once more after getting it: what another process loaded meanwhile isn't loaded again.
// * A lease that can't be taken because its keeper fails doesn't stop anybody: then each process loads by itself.
// * Waiting ends with the value, with the lease, or with the caller's signal: a holder that died delays others by at most its lease.
import type { Lease } from './machine/machine-map.ts'

/** Where leases are kept: the machine's map, or a store that machines share. */
export interface LeaseKeeper {
  /** Undefined: another holder has it. */
  takeLease(key: string, holdMs: number): Promise<Lease | undefined>
  isLeased(key: string): boolean | Promise<boolean>
}

/** Either the right to load, or what another has loaded meanwhile. */
export interface FlightLease<E> extends Disposable {
  readonly entry: E | undefined
}

interface LeaseOptions {
  readonly leaseMs: number
  readonly cluster: boolean
}

const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 16
const MOST_REFUSALS = 3

export class LeaseDesk {
  readonly #machine: LeaseKeeper
  readonly #cluster: LeaseKeeper | undefined

  constructor(machine: LeaseKeeper, cluster: LeaseKeeper | undefined) {
    this.#machine = machine
    this.#cluster = cluster
  }

  /**
   * @param lookAgain - in the shared tiers; what it finds ends the waiting
   * @throws the signal's reason, when it fires while another holds the lease
   */
  async take<E>(
    key: string,
    options: LeaseOptions,
    signal: AbortSignal,
    lookAgain: () => Promise<E | undefined>,
    onWait: () => void,
  ): Promise<FlightLease<E>> {
    const held = new HeldLeases<E>()
    try {
      const keepers = options.cluster && this.#cluster ? [this.#machine, this.#cluster] : [this.#machine]
      for (const keeper of keepers) {
        const entry = await take(keeper, key, options.leaseMs, signal, held, lookAgain, onWait)
        if (entry === undefined) continue
        held[Symbol.dispose]()
        held.entry = entry
        break
      }
      return held
    } catch (error) {
      held[Symbol.dispose]()
      throw error
    }
  }
}

async function take<E>(
  keeper: LeaseKeeper,
  key: string,
  leaseMs: number,
  signal: AbortSignal,
  held: HeldLeases<E>,
  lookAgain: () => Promise<E | undefined>,
  onWait: () => void,
): Promise<E | undefined> {
  let pauseMs = 0
  for (let refusals = 0; refusals < MOST_REFUSALS;) {
    let lease: Lease | undefined
    try {
      lease = await keeper.takeLease(key, leaseMs)
    } catch {
      return undefined
    }
    if (lease) {
      held.add(lease, leaseMs)
      return lookAgain()
    }
    if (pauseMs === 0) onWait()
    // Not given though nobody has it, again and again: its keeper is out of order.
    refusals = (await isLeased(keeper, key)) ? 0 : refusals + 1
    do {
      pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, 2 * pauseMs), LONGEST_PAUSE_MS)
      await pause(pauseMs, signal)
      const entry = await lookAgain()
      if (entry !== undefined) return entry
    } while (await isLeased(keeper, key))
  }
  return undefined
}

async function isLeased(keeper: LeaseKeeper, key: string): Promise<boolean> {
  try {
    return await keeper.isLeased(key)
  } catch {
    return false
  }
}

class HeldLeases<E> implements FlightLease<E> {
  entry: E | undefined
  readonly #leases: Lease[] = []
  readonly #timers: NodeJS.Timeout[] = []

  /** Renewed while it's held: a load may take longer than others are to wait for a dead process. */
  add(lease: Lease, leaseMs: number): void {
    this.#leases.push(lease)
    const renew = () => void lease.renew(leaseMs).catch(() => undefined)
    this.#timers.push(setInterval(renew, leaseMs / 3).unref())
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    for (const lease of this.#leases.splice(0)) void lease.release().catch(() => undefined)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
