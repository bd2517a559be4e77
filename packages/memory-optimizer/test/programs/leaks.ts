// A child with one way of using memory, under a small heap limit: `node leaks.ts SCENARIO SEED ROUNDS`. Tells its parent, over IPC, the first leak called and, at
// the end, the last one. Memory and collections are real; the clock is made up, and collections are forced, since a test hasn't the hours in which they'd come by
// themselves.
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { openGcFeed } from '../../src/gc/gc-feed.ts'
import { forcedCollection } from '../../src/leak/forced-collection.ts'
import { createLeakDetector, type LeakDetector, type LeakVerdict } from '../../src/leak/leak-detector.ts'
import { SCENARIOS, type Step } from './scenarios.ts'
import { THRESHOLDS } from './thresholds.ts'

/** What the child tells. */
export interface LeakReport {
  /** The first verdict that called a leak; undefined when none did. */
  readonly leak:
    | Pick<LeakVerdict, 'memory' | 'advice' | 'slopeMibPerMinute' | 'timeToLimitMs' | 'liveBytes'>
    | undefined
  /** Major collections until then. */
  readonly collectionsToLeak: number | undefined
  readonly last: LeakVerdict
}

const [name = '', seed = '1', rounds = String(THRESHOLDS.rounds)] = process.argv.slice(2)
const scenario = SCENARIOS[name]
if (scenario === undefined) throw new Error(`There is no scenario "${name}".`)

let nowMs = 0
const clock = { now: (): number => nowMs }
const feed = openGcFeed({ clock })
const detector: LeakDetector = createLeakDetector({
  feed,
  clock,
  heapLimitBytes: () => THRESHOLDS.heapLimitMib * 1_048_576,
  externalLimitBytes: () => THRESHOLDS.externalLimitMib * 1_048_576,
})
const leaks: LeakVerdict[] = []
detector.onVerdict(verdict => {
  if (verdict.kind === 'leak') leaks.push(verdict)
})

const collect = forcedCollection()
const emitter = new EventEmitter().setMaxListeners(0)
const step: Step = scenario({
  random: seededNumbers(Number(seed)),
  emitter,
  account: (accountName, bytes) => void detector.account(accountName, bytes),
})
for (let round = 0; round < Number(rounds) && leaks.length === 0; round++) {
  step(round)
  collect()
  nowMs += THRESHOLDS.roundMs
  feed.flush()
  // Lets timers run and promises settle, as in a service.
  if (round % 8 === 7) await sleep(1)
}
const leak = leaks[0]
const report: LeakReport = {
  leak: leak && {
    memory: leak.memory,
    advice: leak.advice,
    slopeMibPerMinute: leak.slopeMibPerMinute,
    timeToLimitMs: leak.timeToLimitMs,
    liveBytes: leak.liveBytes,
  },
  collectionsToLeak: leak?.collections,
  last: detector.verdict(),
}
// Timers that leak would keep it running.
process.send?.(report, () => process.exit(0))

/** Mulberry32: a small generator is enough for sizes and keys. */
function seededNumbers(start: number): () => number {
  let state = start | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
