// The recycle drill: what happens in which order, how long, and with which settings.
//
//   calm ──► recycle: workers leak until enough were replaced ──► rolling: SIGHUP ──► killed: kill -9
//
// Each phase but the first lasts as long as what it's about, and a little longer; requests go on all the while, in slices.
import type { Mix } from './request-kinds.ts'
import type { LeakSettings } from './service/service-protocol.ts'

export type RecyclePhaseName = 'calm' | 'recycle' | 'rolling' | 'killed'

export interface RecyclePhase {
  readonly name: RecyclePhaseName
  /** What it is, for people. */
  readonly summary: string
  readonly mix: Mix
}

export interface RecyclePlan {
  readonly name: 'full' | 'quick'
  readonly workers: number
  readonly requestsPerSecond: number
  /** Replacements in the phase `recycle`, at least. */
  readonly recycles: number
  /** A phase lasts at least this. */
  readonly phaseMs: number
  /** What a phase waits for has to have happened by then. */
  readonly limitMs: number
  /** Requests go on for this long when it has. */
  readonly afterMs: number
  readonly overlapMs: number
  readonly drainNoticeMs: number
  /** Of the balancer. */
  readonly balancerFlags: readonly string[]
  /** The balancer's limit for all tries of a request together. */
  readonly totalMs: number
  readonly leak: LeakSettings
  readonly phases: readonly RecyclePhase[]
}

/** Requests are drawn for this long at a time, since nobody knows beforehand how long a phase will be. */
export const SLICE_MS = 250
export const WORKERS = 3

const MIX: Mix = { get: 0.45, slow: 0.1, stream: 0.1, post: 0.35 }
/** Of the requests while workers are to leak. */
const LEAK_SHARE = 0.3

const PHASES: readonly RecyclePhase[] = [
  { name: 'calm', summary: 'all are well', mix: MIX },
  { name: 'recycle', summary: 'workers leak, and ask to be replaced', mix: { ...MIX, leak: LEAK_SHARE } },
  { name: 'rolling', summary: 'SIGHUP: all are replaced in turn', mix: MIX },
  // An answer that has begun goes with its worker, whoever is in front: none is asked for that takes long to send.
  { name: 'killed', summary: 'kill -9 of one', mix: { ...MIX, stream: 0 } },
]

/** The supervisor's and the balancer's own settings, as they come. */
export const FULL_RECYCLE_PLAN: RecyclePlan = {
  name: 'full',
  workers: WORKERS,
  requestsPerSecond: 300,
  recycles: 6,
  phaseMs: 10_000,
  limitMs: 180_000,
  afterMs: 2000,
  overlapMs: 2000,
  drainNoticeMs: 500,
  balancerFlags: [],
  totalMs: 30_000,
  leak: { bytesPerRequest: 50_000, collectEveryMs: 250, minWindowMs: 15_000, minGrowthShare: 0.1, oldSpaceMib: 160 },
  phases: PHASES,
}

/** About ten seconds: everything is quicker, so that several replacements fit. */
export const QUICK_RECYCLE_PLAN: RecyclePlan = {
  ...FULL_RECYCLE_PLAN,
  name: 'quick',
  requestsPerSecond: 150,
  recycles: 3,
  phaseMs: 500,
  limitMs: 45_000,
  afterMs: 300,
  overlapMs: 250,
  drainNoticeMs: 100,
  // Checks are frequent, so that a new worker is found up at once, and time-outs so long that a busy machine isn't taken for a fault.
  balancerFlags: [
    '--health.interval-ms=200',
    '--health.changing-interval-ms=50',
    '--health.timeout-ms=10000',
    '--stall.min-silence-ms=0',
    '--timeouts.try-ms=30000',
    '--timeouts.total-ms=60000',
  ],
  totalMs: 60_000,
  leak: { bytesPerRequest: 200_000, collectEveryMs: 60, minWindowMs: 1000, minGrowthShare: 0.02, oldSpaceMib: 160 },
}

/** The plan with some of its phases. @throws Error that names the phases there are */
export function chooseRecyclePhases(from: RecyclePlan, names: readonly string[]): RecyclePlan {
  const unknown = names.find(name => !from.phases.some(phase => phase.name === name))
  if (unknown !== undefined) {
    throw new Error(`there is no phase "${unknown}"; there are: ${from.phases.map(phase => phase.name).join(', ')}`)
  }
  return { ...from, phases: from.phases.filter(phase => names.includes(phase.name)) }
}
