// What the long programs have in common: `node FILE [SECONDS] [SEED]`, a seed that's printed, and faults that end with exit code 1.
import { SeededRandom } from '@plimsoll/testing'

export interface TimeBox {
  readonly random: SeededRandom
  /** Whether there's time left. */
  readonly runs: () => boolean
}

/** Reads seconds (default `defaultSeconds`) and seed (default: the time) from the command line. */
export function timeBox(defaultSeconds: number): TimeBox {
  const [, , seconds = String(defaultSeconds), seed = String(Date.now() >>> 0)] = process.argv
  const endsAtMs = performance.now() + Number(seconds) * 1000
  say(`seed ${seed}, ${seconds} s`)
  return { random: new SeededRandom(Number(seed)), runs: () => performance.now() < endsAtMs }
}

/** TAP comments, so that a tap run may follow in the same output. */
export function say(text: string): void {
  process.stdout.write(`# ${text}\n`)
}
