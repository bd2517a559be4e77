// Watches a worker for leaks with our detector, and asks the supervisor to replace it once it's sure.
//
// A detector takes its time: it looks at what major collections leave, and a worker may have one in a minute. The drill can't wait, so while somebody leaves memory
// behind the worker collects by force (--expose-gc), and the detector is told to judge by seconds instead of minutes. They take a fifth of its time at most.
import type { WorkerLink } from '@plimsoll/supervisor'
import {
  createLeakDetector,
  type GcFeed,
  type LeakDetector,
  type LeakVerdict,
  openGcFeed,
} from '@plimsoll/memory-optimizer'
import type { LeakSettings } from './service-protocol.ts'

const RECENTLY_MS = 2000
const MIB = 1024 ** 2

export class LeakWatch {
  readonly #link: WorkerLink
  readonly #collectEveryMs: number
  readonly #feed: GcFeed
  readonly #detector: LeakDetector
  #timer: NodeJS.Timeout
  #lastLeakAtMs = -Infinity

  constructor(link: WorkerLink, { collectEveryMs, minWindowMs, minGrowthShare, oldSpaceMib }: LeakSettings) {
    this.#link = link
    this.#collectEveryMs = collectEveryMs
    this.#feed = openGcFeed()
    this.#detector = createLeakDetector({
      feed: this.#feed,
      heapLimitBytes: () => oldSpaceMib * MIB,
      minWindowMs,
      minCollections: 16,
      minGrowthShare,
    })
    this.#detector.onVerdict(verdict => this.#judge(verdict))
    this.#timer = setTimeout(() => this.#run(), collectEveryMs)
  }

  /** Something was left behind. */
  leaked(): void {
    this.#lastLeakAtMs = performance.now()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#detector.close()
    this.#feed.close()
  }

  #run(): void {
    const fromMs = performance.now()
    if (fromMs - this.#lastLeakAtMs < RECENTLY_MS) {
      globalThis.gc?.()
      this.#feed.flush()
    }
    const tookMs = performance.now() - fromMs
    this.#timer = setTimeout(() => this.#run(), Math.max(this.#collectEveryMs, 4 * tookMs))
  }

  #judge({ advice, memory, slopeMibPerMinute, timeToLimitMs, collections }: LeakVerdict): void {
    if (advice !== 'recycle') return
    const slope = `${slopeMibPerMinute.toFixed(0)} MiB/min of ${memory}`
    const limit = `${(timeToLimitMs / 1000).toFixed(0)} s to the limit`
    this.#link.requestRecycle('leak', `${slope}, ${limit}, seen after ${collections} collections`)
  }
}
