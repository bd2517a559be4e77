// What one decision of the load balancer costs: nanoseconds of CPU and bytes of garbage per request.
//
// The load is the same for every strategy: each pick begins a request, and the oldest of 4 per candidate is answered, which the picker is
// told. So requests in flight differ a little, as they do in life, and nothing is picked from a fleet at rest.
//
// * A strategy is measured in a thread of its own, as a balancer uses one: with all of them in one isolate, calls have several targets, the
//   compiler inlines less, and numbers become objects.
// * Time is the thread's CPU time, since the machine is shared; bytes are what V8 counts as allocated, whether collected or not. What the loop
//   itself takes is measured beside it and subtracted.
// * In that thread this file is the program.
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { getHeapStatistics } from 'node:v8'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import type * as Library from '@plimsoll/load-balancing'
import type { Candidate, Picker, PickState, Snapshot, Strategy } from '@plimsoll/load-balancing'
import { number, renderTable } from '../report.ts'
import { interleave } from '../rounds.ts'
import { type Summary, summarize } from '../statistics.ts'
import type { BenchIo, Suite } from '../suite.ts'

const SIZES = [2, 16, 256] as const
const IN_FLIGHT_PER_CANDIDATE = 4
/** Weights of a weighted fleet, over and over. */
const WEIGHTS = [1, 2, 3, 4, 5]
/** CPU time; long enough for the compiler to be done. */
const WARMUP_MS = 200
/** CPU time by which a number of picks can be judged: the clock of a thread moves in steps of up to 4 ms. */
const ROUGH_US = 20_000
const KEYS = Array.from({ length: 1024 }, (_, i) => `/courses/${i * 7919}/lessons`)
const SEED = 1
/** Reports are believed at once and for long. */
const PICKER_OPTIONS = { reportBlackoutMs: 0, reportExpiryMs: 600_000 }
/** Of every answer. */
const LATENCY_MS = 10

export const suite: Suite = {
  name: 'pickers',
  summary: 'CPU ns and bytes allocated per pick and answer, each strategy with 2, 16 and 256 candidates',
  options: [
    '--rounds N    Interleaved rounds. Default: 3',
    '--ms N        Measured time per round and case, in milliseconds. Default: 100',
    '--only NAMES  Strategies, comma-separated. Default: all',
  ].join('\n'),
  run,
}

/** A fleet that a strategy is measured on. */
interface Case {
  readonly servers: number
  readonly weighted: boolean
}

const CASES: readonly Case[] = SIZES.flatMap(servers => [
  { servers, weighted: false },
  { servers, weighted: true },
])

/** What a thread is told. */
interface Task {
  readonly strategy: Strategy
  readonly measureMs: number
}

/** One round of one case; the loop's own is subtracted. */
interface Sample extends Case {
  readonly cpuNs: number
  readonly bytes: number
  readonly loopCpuNs: number
}

interface Figures extends Case {
  readonly strategy: Strategy
  /** CPU nanoseconds per pick and answer. */
  readonly cpuNs: Summary
  /** Bytes allocated per pick and answer. */
  readonly bytes: Summary
  /** CPU nanoseconds of the loop around it. */
  readonly loopCpuNs: Summary
}

async function run(io: BenchIo): Promise<void> {
  // Loaded here, so that listing the suites takes no time.
  const library = await import('@plimsoll/load-balancing')
  const known = library.STRATEGIES.map(({ name }) => name)
  const { rounds, measureMs, strategies } = readSettings(io.args, known)
  for (const strategy of strategies) for (const one of CASES) checkPicks(library, strategy, one)
  const seconds = (rounds * strategies.length * CASES.length * 2 * (WARMUP_MS + measureMs)) / 1000
  io.write(`  picks are right: by weight, below the limits, and everybody once in a walk\n`)
  io.write(`  about ${Math.ceil(seconds)} s of CPU time\n\n`)

  const samples = new Map<Strategy, Sample[]>(strategies.map(strategy => [strategy, []]))
  for (const { candidate: strategy } of interleave(strategies, rounds)) {
    samples.get(strategy)?.push(...(await inThread({ strategy, measureMs }, io.signal)))
  }
  const figures: Figures[] = Array.from(samples, ([strategy, all]) =>
    CASES.map(one => summary(strategy, one, all)),
  ).flat()
  io.write(`CPU ns per pick and answer\n${renderFigures(figures, strategies, ({ cpuNs }) => cpuNs.median, 0)}`)
  // Other work of the isolate, the compiler's above all, only adds bytes; so the least is the truth.
  io.write(`\nbytes allocated per pick and answer\n${renderFigures(figures, strategies, ({ bytes }) => bytes.min, 0)}`)
  io.write(`\n${io.save({ measureMs, rounds, inFlightPerCandidate: IN_FLIGHT_PER_CANDIDATE, figures })}\n`)
}

async function inThread(task: Task, signal: AbortSignal): Promise<Sample[]> {
  const worker = new Worker(import.meta.filename, { workerData: task })
  try {
    const [samples] = (await once(worker, 'message', { signal })) as [Sample[]]
    return samples
  } finally {
    await worker.terminate()
  }
}

function summary(strategy: Strategy, { servers, weighted }: Case, all: readonly Sample[]): Figures {
  const samples = all.filter(sample => sample.servers === servers && sample.weighted === weighted)
  return {
    strategy,
    servers,
    weighted,
    cpuNs: summarize(samples.map(({ cpuNs }) => cpuNs)),
    bytes: summarize(samples.map(({ bytes }) => bytes)),
    loopCpuNs: summarize(samples.map(({ loopCpuNs }) => loopCpuNs)),
  }
}

/** The thread's part. */
async function measureStrategy({ strategy, measureMs }: Task): Promise<Sample[]> {
  const library = await import('@plimsoll/load-balancing')
  return CASES.map(one => {
    const fleet = createFleet(library, one)
    const snapshot = library.createSnapshot(fleet)
    const loop = measure(new Load(snapshot, new NoPicker()), measureMs)
    for (const server of fleet) server.activeRequests = 0
    const { cpuNs, bytes } = measure(new Load(snapshot, createPicker(library, strategy, fleet)), measureMs)
    return {
      ...one,
      cpuNs: Math.max(0, cpuNs - loop.cpuNs),
      bytes: Math.max(0, bytes - loop.bytes),
      loopCpuNs: loop.cpuNs,
    }
  })
}

interface Server extends Candidate {
  activeRequests: number
}

/** A class, as in a balancer, so that all have one shape. */
class BenchServer implements Server {
  readonly id: string
  readonly weight: number
  activeRequests = 0
  readonly maxRequests = 1000
  readonly pick: PickState

  constructor(index: number, weighted: boolean, pick: PickState) {
    this.id = `10.0.${index >> 8}.${index & 255}:3000`
    this.weight = weighted ? (WEIGHTS[index % WEIGHTS.length] ?? 1) : 1
    this.pick = pick
  }
}

function createFleet(library: typeof Library, { servers, weighted }: Case): Server[] {
  return Array.from({ length: servers }, (_, i) => new BenchServer(i, weighted, new library.PickState()))
}

/** As it is after a while: latencies are known, and reports are believed. */
function createPicker(library: typeof Library, strategy: Strategy, fleet: readonly Server[]): Picker<Server> {
  const sources = { random: new library.FastRandom(SEED), clock: performance }
  const picker = library.createPicker<Server>(strategy, sources, PICKER_OPTIONS)
  for (const server of fleet) {
    picker.answered(server, LATENCY_MS)
    picker.reported(server, { utilization: 0.5, requestsPerSecond: 1000, errorsPerSecond: 0 })
  }
  return picker
}

/** Takes the next in the list without looking: the price of the loop. */
class NoPicker implements Picker<Server> {
  readonly strategy = 'round-robin'
  #next = 0
  pick({ candidates }: Snapshot<Server>): Server | null {
    this.#next = this.#next + 1 < candidates.length ? this.#next + 1 : 0
    return candidates[this.#next] ?? null
  }
  score(): number {
    return 0
  }
  answered(): void {}
  failed(): void {}
  reported(): void {}
}

/** Begins and ends requests; what's measured. */
class Load {
  readonly #snapshot: Snapshot<Server>
  readonly #picker: Picker<Server>
  readonly #inFlight: (Server | null)[]
  #oldest = 0
  #key = 0

  constructor(snapshot: Snapshot<Server>, picker: Picker<Server>) {
    this.#snapshot = snapshot
    this.#picker = picker
    this.#inFlight = Array.from({ length: snapshot.candidates.length * IN_FLIGHT_PER_CANDIDATE }, () => null)
  }

  run(picks: number): void {
    const tried: Server[] = []
    for (let pick = 0; pick < picks; pick++) {
      this.#key = (this.#key + 1) & (KEYS.length - 1)
      const server = this.#picker.pick(this.#snapshot, tried, KEYS[this.#key])
      if (server === null) throw new Error(`${this.#picker.strategy} picked nobody`)
      server.activeRequests++
      const ended = this.#inFlight[this.#oldest]
      if (ended) {
        ended.activeRequests--
        this.#picker.answered(ended, LATENCY_MS)
      }
      this.#inFlight[this.#oldest] = server
      this.#oldest = this.#oldest + 1 < this.#inFlight.length ? this.#oldest + 1 : 0
    }
  }
}

/** Nothing is read between the first pick and the last one: reading allocates. */
function measure(load: Load, measureMs: number): { cpuNs: number; bytes: number } {
  const picks = warmUp(load, measureMs)
  const startedBytes = allocatedBytes()
  const startedUs = cpuUs()
  load.run(picks)
  const tookUs = cpuUs() - startedUs
  return { cpuNs: (tookUs * 1000) / picks, bytes: (allocatedBytes() - startedBytes) / picks }
}

/** Gives the number of picks that fill the measured time. */
function warmUp(load: Load, measureMs: number): number {
  let picks = 1000
  let tookUs = 0
  for (let totalUs = 0; totalUs < WARMUP_MS * 1000; totalUs += tookUs) {
    const startedUs = cpuUs()
    load.run(picks)
    tookUs = cpuUs() - startedUs
    if (tookUs < ROUGH_US) picks *= 2
  }
  return Math.ceil((picks * measureMs * 1000) / tookUs)
}

function cpuUs(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** Everything ever allocated: garbage that was collected meanwhile counts too. */
function allocatedBytes(): number {
  const { total_allocated_bytes: bytes } = getHeapStatistics() as { total_allocated_bytes?: number }
  if (bytes === undefined) throw new Error('this Node has no total_allocated_bytes; use the one of `npm run bench`')
  return bytes
}

/** @throws Error when shares, limits or walks are wrong. */
function checkPicks(library: typeof Library, strategy: Strategy, one: Case): void {
  const { servers, weighted } = one
  const where = `${strategy} with ${servers} ${weighted ? 'weighted ' : ''}candidates`
  const fleet = createFleet(library, one)
  const snapshot = library.createSnapshot(fleet)
  const picker = createPicker(library, strategy, fleet)
  const tried: Server[] = []
  for (let server = picker.pick(snapshot, tried, 'key'); server; server = picker.pick(snapshot, tried, 'key')) {
    if (tried.push(server) > servers) throw new Error(`${where}: a walk has no end`)
  }
  if (new Set(tried).size !== servers) throw new Error(`${where}: a walk met ${new Set(tried).size} of ${servers}`)

  const picks = 2000 * servers
  const totalWeight = fleet.reduce((sum, { weight }) => sum + weight, 0)
  const counts = new Map(fleet.map(server => [server, 0]))
  const inFlight: Server[] = []
  for (let pick = 0; pick < picks; pick++) {
    const server = picker.pick(snapshot, [], pick)
    if (server === null || server.activeRequests >= server.maxRequests)
      throw new Error(`${where}: wrong at pick ${pick}`)
    server.activeRequests++
    counts.set(server, (counts.get(server) ?? 0) + 1)
    inFlight.push(server)
    if (inFlight.length > servers * IN_FLIGHT_PER_CANDIDATE) inFlight.shift()!.activeRequests--
  }
  for (const [{ id, weight }, count] of counts) {
    const expected = strategy === 'round-robin' ? picks / servers : (picks * weight) / totalWeight
    // Turns are exact, but for the walk before. What goes by requests in flight can't be: with 4 per candidate, a light one has 1 or 2.
    const tolerance = strategy.endsWith('round-robin') ? 2 / expected : 0.6
    const share = count / expected
    if (!(Math.abs(share - 1) <= tolerance)) throw new Error(`${where}: ${id} got ${share.toFixed(2)} of its share`)
  }
}

function renderFigures(
  figures: readonly Figures[],
  strategies: readonly Strategy[],
  value: (figures: Figures) => number,
  decimals: number,
): string {
  const columns = CASES.map(({ servers, weighted }) => ({
    heading: `${servers}${weighted ? ' weighted' : ''}`,
    align: 'right' as const,
    cell: (strategy: Strategy) => {
      const found = figures.find(
        one => one.strategy === strategy && one.servers === servers && one.weighted === weighted,
      )
      return found ? number(value(found), decimals) : '-'
    },
  }))
  return renderTable([{ heading: '', align: 'left', cell: strategy => strategy }, ...columns], strategies)
}

function readSettings(
  args: readonly string[],
  known: readonly Strategy[],
): { rounds: number; measureMs: number; strategies: readonly Strategy[] } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      ms: { type: 'string', default: '100' },
      only: { type: 'string' },
    },
  })
  const strategies = values.only?.split(',').map(name => {
    const found = known.find(one => one === name)
    if (found) return found
    throw new Error(`--only: there is no "${name}"; there are: ${known.join(', ')}`)
  })
  return {
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    measureMs: positive('--ms', values.ms),
    strategies: strategies ?? known,
  }
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${flag} has to be a number above 0, not "${text}"`)
  return value
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origins, unlike a window
if (parentPort) parentPort.postMessage(await measureStrategy(workerData as Task))
