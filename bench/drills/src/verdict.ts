// What was promised against what was measured.
import type { ProxySockets } from './proxy-sockets.ts'
import type { PhaseLimits } from './phases.ts'
import type { PhaseTally } from './tally.ts'

/** A figure that isn't met. */
export interface Miss {
  /** Name of the phase; "after" for what is looked at in the end. */
  readonly phase: string
  /** For people: "failed 1.2 %, at most 0.4 %". */
  readonly what: string
}

/** Beyond this the generator, that is the machine, was too slow for its figures to mean much. */
export const LATE_MS = 250

/** `limits` null: only what must never happen is judged. */
export function judgePhase(phase: string, tally: PhaseTally, limits: PhaseLimits | null): Miss[] {
  const never: readonly (readonly [count: number, what: string])[] = [
    [tally.executedTwice, 'POSTs executed twice'],
    [tally.wrong, 'wrong answers'],
    [tally.hung, 'hung past their deadline'],
    [tally.acknowledgedNotDone, 'acknowledged but not done'],
  ]
  const misses = never.filter(([count]) => count > 0).map(([count, what]) => ({ phase, what: `${count} ${what}` }))
  if (!limits) return misses
  const avoidable = tally.failed - tally.unavoidable
  if (avoidable > limits.failedRatio * tally.sent) {
    const share = percentage(avoidable / tally.sent)
    misses.push({ phase, what: `failed ${share}, at most ${percentage(limits.failedRatio)}` })
  }
  if (limits.backRatio !== null && (tally.backRatio ?? 0) < limits.backRatio) {
    const share = percentage(tally.backRatio ?? 0)
    misses.push({ phase, what: `back at ${share} of the traffic, at least ${percentage(limits.backRatio)}` })
  }
  return misses
}

/** After the drill, with the clients gone. `sockets` null: unknown on this system, and not judged. */
export function judgeSockets(sockets: ProxySockets | null, maxIdle: number): Miss[] {
  if (!sockets) return []
  const misses: Miss[] = []
  const miss = (what: string) => misses.push({ phase: 'after', what })
  if (sockets.listening === 0) miss('the proxy has ended, or listens no more')
  if (sockets.client > 0) miss(`${sockets.client} sockets of clients that are gone`)
  if (sockets.upstreamClosing > 0) miss(`${sockets.upstreamClosing} sockets of upstreams that have closed them`)
  if (sockets.upstream > maxIdle) miss(`${sockets.upstream} idle sockets to upstreams, at most ${maxIdle}`)
  return misses
}

/** Two digits below 10 %, so that 0.4 % and 0.44 % differ. */
export function percentage(ratio: number): string {
  const percent = ratio * 100
  if (percent === 0) return '0'
  return `${percent.toFixed(percent < 10 ? 2 : 1)} %`
}
