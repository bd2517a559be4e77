// How large the workers' heaps may be, from the memory there is.
//
//   limit = reserve for the kernel (socket buffers, page cache)          5 %, at least 24 MiB
//         + supervisor, with the pages of the Node binary that all share    80 MiB
//         + one worker more, freshly started: a replacement starts first    80 MiB
//         + workers × ( besides the heap: code, stacks, buffers             48 MiB
//                     + young generation: 3 × semi-space
//                     + old generation )
//
// Node sets no limit per worker that would know of the others: in a container of 512 MiB each of two workers would take half of it for its old
// generation alone, and the kernel would end one in mid-request where a collection would have done.
// What a semi-space is worth, measured with an allocation-heavy load (bench/heap-flags.ts; Node 26.10, 2 cores, old generation 256 MiB):
//
//   MiB                        1      4      8     16     32     64
//   requests per CPU second   4364   5315   9267  11166  11635  10483
//   share of the time in GC   54 %   48 %   27 %   15 %   12 %    9 %
//   resident MiB               101    113    122    133    159    206
//
// Up to 16 MiB each step is worth its memory; 32 is Node 26's own default and costs 26 MiB for 4 %; 64 isn't faster. So the young generation
// gets at most 30 % of the heap, and never more than 3 × 32 MiB. What a worker takes besides its heap was 28 MiB for the API at rest and
// 25 to 30 MiB for the bench under load, without the 36 to 58 MiB of the binary's pages, which all processes share.
import { OptionError } from './errors.ts'

/** What a plan is made from. */
export interface HeapPlanOptions {
  /** Memory of the container or machine that's for this service, in bytes. */
  readonly limitBytes: number
  /** How many workers there may be, at most, not counting the one more while one is replaced. */
  readonly workers: number
  /** Memory of the supervisor with the pages of the Node binary that all processes share. Default 80 MiB. */
  readonly supervisorBytes?: number
  /** Memory of everything else under the same limit: a balancer, a database, files in memory. Default 0. */
  readonly otherBytes?: number
  /** Share of the limit left for the kernel, 0 to 0.5; at least 24 MiB are. Default 0.05. */
  readonly reserveRatio?: number
  /** What one worker takes besides its JavaScript heap, under load. More for a service that holds large Buffers. Default 48 MiB. */
  readonly besidesHeapBytes?: number
  /** What a worker takes when it has just started: the one more while one is replaced. 0 where replacements drain first. Default 80 MiB. */
  readonly startBytes?: number
}

/** Sizes of the workers' heaps. */
export interface HeapPlan {
  /** Flags for `execArgv`. */
  readonly execArgv: readonly string[]
  /** Old generation of each worker, in MiB. */
  readonly oldSpaceMib: number
  /** Semi-space of each worker, in MiB; the young generation takes up to three of them. */
  readonly semiSpaceMib: number
  /** All that one worker may take. */
  readonly perWorkerBytes: number
  /** How it comes about, in a sentence for the log. */
  readonly reason: string
}

const MIB = 2 ** 20
/** The API's modules alone are 30 MiB of live heap; below this a worker collects all the time. */
const MIN_OLD_SPACE_MIB = 48
/** Node's own limit on large machines: a larger heap only makes a leak last longer and its collections dearer. */
const MAX_OLD_SPACE_MIB = 4096
const SEMI_SPACES_MIB = [32, 16, 8, 4, 2, 1]
const YOUNG_SHARE_OF_HEAP = 0.3
const MIN_RESERVE_BYTES = 24 * MIB

/**
 * Sizes of the workers' heaps for a memory limit.
 * @throws SUPERVISOR_ERR_OPTION when the limit is too small for so many workers; says how many would fit
 */
export function planHeap(options: HeapPlanOptions): HeapPlan {
  const { limitBytes, workers } = options
  check(options)
  const sizes = sizesFor(options, workers)
  if (sizes === null) throw new OptionError(tooSmall(options))
  const { oldSpaceMib, semiSpaceMib } = sizes
  const perWorkerMib = oldSpaceMib + 3 * semiSpaceMib + besidesHeapMib(options)
  const share = `${Math.round(perWorkerMib)} MiB${workers === 1 ? '' : ' each'}`
  return Object.freeze({
    execArgv: Object.freeze([`--max-old-space-size=${oldSpaceMib}`, `--max-semi-space-size=${semiSpaceMib}`]),
    oldSpaceMib,
    semiSpaceMib,
    perWorkerBytes: perWorkerMib * MIB,
    reason:
      `Of ${mib(limitBytes)} MiB ${workers === 1 ? 'one worker gets' : `${workers} workers get`} ${share}: ${oldSpaceMib} for the old generation, ` +
      `3 × ${semiSpaceMib} for the young one, ${Math.round(besidesHeapMib(options))} besides the heap; the rest is for the supervisor, ` +
      'the kernel, and a replacement that starts beside them.',
  })
}

interface Sizes {
  readonly oldSpaceMib: number
  readonly semiSpaceMib: number
}

/** Sizes for that many workers; null when they're too small to work with. */
function sizesFor(options: HeapPlanOptions, workers: number): Sizes | null {
  const heapMib = heapOf(options, workers)
  const semiSpaceMib = SEMI_SPACES_MIB.find(size => 3 * size <= heapMib * YOUNG_SHARE_OF_HEAP) ?? 1
  const oldSpaceMib = Math.min(MAX_OLD_SPACE_MIB, Math.floor(heapMib - 3 * semiSpaceMib))
  return oldSpaceMib < MIN_OLD_SPACE_MIB ? null : { oldSpaceMib, semiSpaceMib }
}

/** JavaScript heap of one worker, in MiB; below zero when nothing is left. */
function heapOf(options: HeapPlanOptions, workers: number): number {
  const { limitBytes, supervisorBytes = 80 * MIB, otherBytes = 0, reserveRatio = 0.05, startBytes = 80 * MIB } = options
  const reserveBytes = Math.max(MIN_RESERVE_BYTES, limitBytes * reserveRatio)
  return (
    (limitBytes - reserveBytes - supervisorBytes - otherBytes - startBytes) / workers / MIB - besidesHeapMib(options)
  )
}

function besidesHeapMib({ besidesHeapBytes = 48 * MIB }: HeapPlanOptions): number {
  return besidesHeapBytes / MIB
}

function tooSmall(options: HeapPlanOptions): string {
  const { limitBytes, workers } = options
  let most = workers - 1
  while (most > 0 && sizesFor(options, most) === null) most--
  const advice =
    most > 0
      ? `Set 'workers' to ${most}, or raise the limit.`
      : 'Not even one fits: raise the limit, or lower what else is under it.'
  return `${mib(limitBytes)} MiB are too little for ${workers} ${workers === 1 ? 'worker' : 'workers'}: less than ${MIN_OLD_SPACE_MIB} MiB would be left for the old generation of each. ${advice}`
}

function check(options: HeapPlanOptions): void {
  if (!Number.isInteger(options.workers) || options.workers < 1) {
    throw new OptionError(`Option 'workers' is ${options.workers}; it has to be a whole number, 1 or more.`)
  }
  const { reserveRatio = 0.05 } = options
  if (!(reserveRatio >= 0 && reserveRatio <= 0.5)) {
    throw new OptionError(`Option 'reserveRatio' is ${reserveRatio}; it has to be a number from 0 to 0.5.`)
  }
  for (const name of ['limitBytes', 'supervisorBytes', 'otherBytes', 'besidesHeapBytes', 'startBytes'] as const) {
    const value = options[name]
    if (value !== undefined && !(Number.isFinite(value) && value >= 0)) {
      throw new OptionError(`Option '${name}' is ${value}; it has to be a finite number of bytes, 0 or more.`)
    }
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB)
}
