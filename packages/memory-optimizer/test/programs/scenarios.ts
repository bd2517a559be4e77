// Ways of using memory, each as a step that is done before every collection. The leaks are those of real services; what isn't a leak grows as well, or jumps.
import type { EventEmitter } from 'node:events'

export type Step = (round: number) => void

export interface Stage {
  readonly random: () => number
  readonly emitter: EventEmitter
  readonly account: (name: string, bytes: () => number) => void
}

/** 512 KiB to copy from. */
const NUMBERS = Array.from({ length: 65_536 }, (_, index) => index + 0.5)

/** A user's session: about `kib` KiB of heap. */
function session(kib: number, random: () => number): { readonly id: number; readonly numbers: number[] } {
  return { id: random(), numbers: NUMBERS.slice(0, kib * 128) }
}

/** Garbage of a service at work: about half a MiB a round, some of it in flight at the collection. */
function churn(stage: Stage): Step {
  let inFlight: unknown[] = []
  return () => {
    for (let count = 0; count < 6; count++) session(64, stage.random)
    inFlight = Array.from({ length: Math.floor(stage.random() * 8) }, () => session(8, stage.random))
    if (inFlight.length > 100) throw new Error('More in flight than made.')
  }
}

export const SCENARIOS: Readonly<Record<string, (stage: Stage) => Step>> = {
  'leak: closures retained': stage => {
    const work = churn(stage)
    const callbacks: (() => number)[] = []
    return round => {
      work(round)
      const held = session(120, stage.random)
      callbacks.push(() => held.numbers.length)
    }
  },
  'leak: growing map': stage => {
    const work = churn(stage)
    const byUser = new Map<number, unknown>()
    return round => {
      work(round)
      for (let count = 0; count < 8; count++) byUser.set(stage.random(), session(16, stage.random))
    }
  },
  'leak: detached buffers': stage => {
    const work = churn(stage)
    const bodies: Buffer[] = []
    return round => {
      work(round)
      bodies.push(Buffer.alloc(240 * 1024))
    }
  },
  'leak: timers never cleared': stage => {
    const work = churn(stage)
    return round => {
      work(round)
      const held = session(120, stage.random)
      setInterval(() => held.numbers.length, 60_000)
    }
  },
  'leak: listeners never removed': stage => {
    const work = churn(stage)
    return round => {
      work(round)
      const held = session(120, stage.random)
      stage.emitter.on('change', () => held.numbers.length)
    }
  },
  'no leak: cache that fills and stays, registered': stage => {
    const work = churn(stage)
    const cache = new Map<number, unknown>()
    stage.account('sessions', () => cache.size * 16 * 1024)
    return round => {
      work(round)
      // Fills evenly for most of the run: only the account tells it from a leak.
      for (let count = 0; count < 8; count++) cache.set(stage.random(), session(16, stage.random))
      for (const oldest of cache.keys()) {
        if (cache.size <= 960) break
        cache.delete(oldest)
      }
    }
  },
  'no leak: cache that fills and stays, unregistered': stage => {
    const work = churn(stage)
    const cache = new Map<number, unknown>()
    return round => {
      work(round)
      // Random keys of 400: it fills ever slower.
      for (let count = 0; count < 10; count++) {
        const key = Math.floor(stage.random() * 400)
        if (!cache.has(key)) cache.set(key, session(32, stage.random))
      }
    }
  },
  'no leak: bursts of large requests': stage => {
    const work = churn(stage)
    let bodies: unknown[] = []
    let plateau: unknown[] = []
    return round => {
      work(round)
      bodies = round % 80 >= 60 && round % 80 < 68 ? Array.from({ length: 50 }, () => session(128, stage.random)) : []
      // After the second burst more is kept than before it, for good.
      if (round === 100) plateau = Array.from({ length: 60 }, () => session(128, stage.random))
      if (bodies.length + plateau.length > 1000) throw new Error('More kept than made.')
    }
  },
  'no leak: steady churn': churn,
  'no leak: sawtooth': stage => {
    const work = churn(stage)
    let batch: unknown[] = []
    return round => {
      work(round)
      if (round % 12 === 0) batch = []
      batch.push(session(512, stage.random))
    }
  },
}

/** The leaks, and the memory that each fills. */
export const LEAKS: Readonly<Record<string, 'heap' | 'external'>> = {
  'leak: closures retained': 'heap',
  'leak: growing map': 'heap',
  'leak: detached buffers': 'external',
  'leak: timers never cleared': 'heap',
  'leak: listeners never removed': 'heap',
}

export const NO_LEAKS: readonly string[] = Object.keys(SCENARIOS).filter(name => !(name in LEAKS))
