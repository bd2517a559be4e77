// The drill: which faults come in which order, how long each lasts, and what has to hold then.
//
//   |--- 1 s ---|------ injured 2.7 s ------|------------- recovery -------------| 12 s
//                                                                     last second: the share of the injured one
//
// The limits are ratios, so they mean something for these lengths only: an injury of 2.7 s to one of three in a phase of 12 s costs 7.5 % of its
// requests when nothing is done about it.
import type { Burst } from './schedule.ts'
import type { Fault } from './upstream/upstream-protocol.ts'

export type Injury =
  | { readonly kind: 'none' }
  | { readonly kind: 'kill'; readonly upstream: string }
  | { readonly kind: 'fault'; readonly upstream: string; readonly fault: Exclude<Fault, 'none'> }
  | { readonly kind: 'roll' }

/** What has to hold of our balancer in a phase; that nothing is executed twice, wrong, hung or lost holds in each. */
export interface PhaseLimits {
  /** Failed requests by sent ones, at most. */
  readonly failedRatio: number
  /** Share of the traffic of the last second that the injured upstream (of several, the least) answers, at least; null where none was injured. */
  readonly backRatio: number | null
}

export interface Phase {
  /** Also the prefix of its requests' ids. */
  readonly name: string
  /** What it is, for people. */
  readonly summary: string
  readonly injury: Injury
  readonly durationMs: number
  /** From the start of the phase to the injury. */
  readonly injureAfterMs: number
  readonly injuredForMs: number
  /** Between a restarted upstream that listens and the next one's SIGTERM. */
  readonly betweenRestartsMs: number
  readonly burst?: Burst
  readonly limits: PhaseLimits
}

export interface DrillPlan {
  readonly name: 'full' | 'short'
  readonly requestsPerSecond: number
  readonly phases: readonly Phase[]
  /** Whether the limits count. In the short form faults end before anybody can have noticed, so that only what must never happen counts. */
  readonly judgesLimits: boolean
}

interface Times {
  readonly calmMs: number
  readonly phaseMs: number
  readonly rollMs: number
  readonly burstPhaseMs: number
  readonly injureAfterMs: number
  readonly injuredForMs: number
  readonly betweenRestartsMs: number
  readonly burstMs: number
}

const FULL_TIMES: Times = {
  calmMs: 4000,
  phaseMs: 12_000,
  rollMs: 12_000,
  burstPhaseMs: 8000,
  injureAfterMs: 1000,
  injuredForMs: 2700,
  betweenRestartsMs: 1800,
  burstMs: 1000,
}

const SHORT_TIMES: Times = {
  calmMs: 1000,
  phaseMs: 2800,
  rollMs: 5000,
  burstPhaseMs: 2000,
  injureAfterMs: 300,
  injuredForMs: 900,
  betweenRestartsMs: 200,
  burstMs: 300,
}

const BURST_FACTOR = 10
/** A mistake in a plan shouldn't flood a machine. */
const MAX_REQUESTS = 100_000

/** About two minutes. */
export const FULL_PLAN: DrillPlan = plan('full', 300, FULL_TIMES)
/** Less than half a minute; half the rate, as other tests run beside it. */
export const SHORT_PLAN: DrillPlan = plan('short', 150, SHORT_TIMES)

/** The plan with some of its phases. @throws Error that names the phases there are */
export function choosePhases(from: DrillPlan, names: readonly string[]): DrillPlan {
  const unknown = names.find(name => !from.phases.some(phase => phase.name === name))
  if (unknown !== undefined) {
    throw new Error(`there is no phase "${unknown}"; there are: ${from.phases.map(phase => phase.name).join(', ')}`)
  }
  return { ...from, phases: from.phases.filter(phase => names.includes(phase.name)) }
}

/** All requests of a plan, about. */
export function plannedRequests({ phases, requestsPerSecond }: DrillPlan): number {
  return phases.reduce((sum, { durationMs, burst }) => {
    const extra = burst ? (burst.requestsPerSecond - requestsPerSecond) * burst.forMs : 0
    return sum + (durationMs * requestsPerSecond + extra) / 1000
  }, 0)
}

function plan(name: DrillPlan['name'], requestsPerSecond: number, times: Times): DrillPlan {
  const { injureAfterMs, injuredForMs, betweenRestartsMs, phaseMs } = times
  const timing = { durationMs: phaseMs, injureAfterMs, injuredForMs, betweenRestartsMs }
  const strict: PhaseLimits = { failedRatio: 0, backRatio: 0.25 }
  const injure = (upstream: string, fault: Exclude<Fault, 'none'>): Injury => ({ kind: 'fault', upstream, fault })
  const made: DrillPlan = {
    name,
    requestsPerSecond,
    judgesLimits: name === 'full',
    phases: [
      {
        ...timing,
        name: 'calm',
        summary: 'all are well',
        injury: { kind: 'none' },
        durationMs: times.calmMs,
        limits: { failedRatio: 0, backRatio: null },
      },
      { ...timing, name: 'killed', summary: 'kill -9', injury: { kind: 'kill', upstream: 'a' }, limits: strict },
      {
        ...timing,
        name: 'hang',
        summary: 'accepts, reads, never answers',
        injury: injure('b', 'hang'),
        limits: { ...strict, failedRatio: 0.01 },
      },
      {
        ...timing,
        name: '500s',
        summary: 'answers 500; its health path is well',
        injury: injure('c', 'answer-500'),
        limits: { ...strict, failedRatio: 0.004 },
      },
      {
        ...timing,
        name: 'resets',
        summary: 'RST in mid-body; its health path is well',
        injury: injure('a', 'reset'),
        limits: { ...strict, failedRatio: 0.02 },
      },
      { ...timing, name: 'drip', summary: 'the body takes 1.5 s', injury: injure('b', 'drip'), limits: strict },
      {
        ...timing,
        name: 'rolling',
        summary: 'all restarted in turn, draining',
        injury: { kind: 'roll' },
        durationMs: times.rollMs,
        limits: strict,
      },
      { ...timing, name: 'refusing', summary: 'its port refuses', injury: injure('c', 'refuse'), limits: strict },
      {
        ...timing,
        name: 'burst',
        summary: `${BURST_FACTOR} times the requests, for ${times.burstMs / 1000} s`,
        injury: { kind: 'none' },
        durationMs: times.burstPhaseMs,
        burst: {
          atMs: injureAfterMs,
          forMs: times.burstMs,
          requestsPerSecond: BURST_FACTOR * requestsPerSecond,
        },
        limits: { failedRatio: 0, backRatio: null },
      },
    ],
  }
  if (plannedRequests(made) > MAX_REQUESTS) throw new RangeError(`a drill sends at most ${MAX_REQUESTS} requests`)
  return made
}
