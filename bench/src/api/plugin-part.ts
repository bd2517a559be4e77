// What each part of app.ts costs a worker per request: CPU time of a process with it alone beside a bare Fastify's, and of one with all of them.
//
// Two processes that run the same code differ by a percent or two, so each round starts fresh ones, and two bare ones show what means nothing. Within a round they
// take turns by tenths of a second, under the same load from another core. A pass is one turn of each. What else runs on the machine makes all of them dearer, so a turn is
// compared with the reference's of the same pass, and the median of a round's turns is that round's ratio.
import { availableParallelism } from 'node:os'
import { readFileSync } from 'node:fs'
import { threadTimeUs } from '../overhead/thread-time.ts'
import { planCores, usableCores } from '../pinning.ts'
import { interleave } from '../rounds.ts'
import { median } from '../statistics.ts'
import type { BenchIo } from '../suite.ts'
import { AskerProcess } from './asker-process.ts'
import type { AskFigures } from './asker-protocol.ts'
import { PAGE_PATH, type Part, type PartName, type PluginWorker, PluginWorkers, type Texts } from './plugin-workers.ts'

export interface PluginSettings {
  /** Fresh processes of each kind, one round after the other. */
  readonly rounds: number
  /** Turns of each process per round and answer. */
  readonly turns: number
  readonly turnMs: number
  /** Before each turn: a process that has waited finds its memory in nobody's caches. */
  readonly settleMs: number
  /** So many until a process is measured, that its code is compiled; and no longer than this. */
  readonly warmupRequests: number
  readonly warmupMostMs: number
  /** Parts by name; null: all. */
  readonly only: readonly string[] | null
}

export const PLUGIN_CONNECTIONS = 16
export const BARE = 'bare'
export const BARE_AGAIN = 'bare, the same again'
export const ALL = 'all of them: createApp'
/** The route with its checks, service and cache, in a bare Fastify: the part's name in apps/api/bench/plugin-parts.ts. Always measured, since the goal is a share of it. */
export const CACHED_READ = 'schema, service, cache'

export interface Variant {
  readonly name: string
  readonly kind: Part['kind'] | 'reference' | 'whole'
  readonly bySize: boolean
  readonly part: PartName
}

export interface PluginWorkload {
  readonly name: string
  readonly path: string
  readonly fields: readonly string[]
  /** Else only what handles the answer itself. */
  readonly allParts: boolean
}

export interface MeasuredVariant {
  readonly variant: Variant
  /** Per request, by round: the median of its turns. */
  readonly cpuUs: readonly number[]
  /** To bare, by round: the median of its turns' ratios. */
  readonly ratios: readonly number[]
  /** By round, as the asker counted them: the median of its turns. */
  readonly requestsPerSecond: readonly number[]
  /** To bare's, by round: the median of its turns' ratios. */
  readonly rateOfBare: readonly number[]
  /** To the cached read's in the same way; empty where that isn't measured. */
  readonly rateOfCachedRead: readonly number[]
  /** Of all its turns the cheapest: whatever else runs on the machine only adds to it. */
  readonly leastUs: number
  /** Of its answer, as it was sent. */
  readonly bodyBytes: number
}

export interface PluginResult {
  readonly workloads: readonly { readonly workload: PluginWorkload; readonly variants: readonly MeasuredVariant[] }[]
  /** By turn, ratios: how long the worker was on a core, and how long it could have been and wasn't. */
  readonly busy: readonly number[]
  readonly keptOff: readonly number[]
}

/** What the balancer sends on, of a client that sends little itself. */
const FIELDS = [
  'Host: bench.example',
  'accept: application/json',
  'user-agent: bench',
  'X-Forwarded-For: 203.0.113.7',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Host: bench.example',
  'Forwarded: for=203.0.113.7;host="bench.example";proto=http',
  'X-Request-Id: mc802jqh09-1',
  'Via: 1.1 plimsoll',
  'X-Request-Deadline-Ms: 29983',
]

/** Of one variant in one round, by turn; equal indices are of the same pass. */
interface Turns {
  readonly cpuUs: number[]
  readonly requestsPerSecond: number[]
  bodyBytes: number
}

class Cost {
  readonly cpuUs: number[] = []
  readonly ratios: number[] = []
  readonly requestsPerSecond: number[] = []
  readonly rateOfBare: number[] = []
  readonly rateOfCachedRead: number[] = []
  leastUs = Number.POSITIVE_INFINITY
  bodyBytes = 0

  add(turns: Turns, bare: Turns, cachedRead: Turns | undefined): void {
    this.cpuUs.push(median(turns.cpuUs))
    this.ratios.push(medianRatio(turns.cpuUs, bare.cpuUs))
    this.requestsPerSecond.push(median(turns.requestsPerSecond))
    this.rateOfBare.push(medianRatio(turns.requestsPerSecond, bare.requestsPerSecond))
    if (cachedRead !== undefined)
      this.rateOfCachedRead.push(medianRatio(turns.requestsPerSecond, cachedRead.requestsPerSecond))
    this.leastUs = Math.min(this.leastUs, ...turns.cpuUs)
    this.bodyBytes = turns.bodyBytes
  }
}

function medianRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, pass) => value / (references[pass] ?? Number.NaN)))
}

interface Scene {
  readonly io: BenchIo
  readonly workers: PluginWorkers
  readonly asker: AskerProcess
  readonly variants: readonly Variant[]
  readonly texts: Texts
  readonly settings: PluginSettings
  readonly busy: number[]
  readonly keptOff: number[]
}

/** @param databaseUrl with the migrations and demo data. @throws Error when an answer was wrong, or a plugin isn't in the list of parts */
export async function measurePlugins(
  io: BenchIo,
  databaseUrl: string,
  settings: PluginSettings,
): Promise<PluginResult> {
  const cores = planCores(usableCores())
  const workers = new PluginWorkers(io, databaseUrl, cores.proxy)
  io.write('  the whole application, for its parts and its answers\n')
  const { parts, texts } = await workers.introduce()
  const variants = variantsOf(chosen(parts, settings.only))
  const asker = await AskerProcess.start(io, cores.generator)
  try {
    const workloads = workloadsOf(texts)
    const costs = workloads.map(() => variants.map(() => new Cost()))
    const scene: Scene = { io, workers, asker, variants, texts, settings, busy: [], keptOff: [] }
    for (let round = 0; round < settings.rounds; round++) {
      io.write(`  round ${round + 1} of ${settings.rounds}: ${variants.length} processes\n`)
      await measureRound(scene, round, workloads, costs)
    }
    return {
      workloads: workloads.map((workload, w) => ({
        workload,
        variants: variants.flatMap((variant, v) => {
          const cost = costs[w]?.[v]
          if (cost === undefined || cost.cpuUs.length === 0) return []
          const { cpuUs, ratios, requestsPerSecond, rateOfBare, rateOfCachedRead, leastUs, bodyBytes } = cost
          return [{ variant, cpuUs, ratios, requestsPerSecond, rateOfBare, rateOfCachedRead, leastUs, bodyBytes }]
        }),
      })),
      busy: scene.busy,
      keptOff: scene.keptOff,
    }
  } finally {
    await asker.stop()
  }
}

function chosen(parts: readonly Part[], only: readonly string[] | null): readonly Part[] {
  if (only === null) return parts
  return [...new Set([CACHED_READ, ...only])].map(name => {
    const part = parts.find(part => part.name === name)
    if (part === undefined)
      throw new Error(`--only: there is no "${name}"; there are: ${parts.map(({ name }) => name).join(', ')}`)
    return part
  })
}

function variantsOf(parts: readonly Part[]): Variant[] {
  return [
    { name: BARE, kind: 'reference', bySize: true, part: '' },
    { name: BARE_AGAIN, kind: 'reference', bySize: true, part: '' },
    ...parts.map(part => ({ ...part, part: part.name })),
    { name: ALL, kind: 'whole', bySize: true, part: null },
  ]
}

function workloadsOf({ coursePath }: Texts): PluginWorkload[] {
  const compressed = [...FIELDS, 'Accept-Encoding: gzip, deflate, br']
  return [
    { name: 'a short answer', path: coursePath, fields: FIELDS, allParts: true },
    { name: 'a page of a list', path: PAGE_PATH, fields: FIELDS, allParts: false },
    { name: 'a page of a list, compressed', path: PAGE_PATH, fields: compressed, allParts: false },
  ]
}

async function measureRound(
  scene: Scene,
  round: number,
  workloads: readonly PluginWorkload[],
  costs: readonly (readonly Cost[])[],
): Promise<void> {
  const running = new Map<number, PluginWorker>()
  try {
    await startAll(scene, round, running)
    for (const [w, workload] of workloads.entries()) {
      const measured = scene.variants.flatMap(({ bySize }, v) => (workload.allParts || bySize ? [v] : []))
      const figures = await measureWorkload(scene, workload, measured, running)
      const turnsOf = (name: string) => figures.get(scene.variants.findIndex(variant => variant.name === name))
      const bare = turnsOf(BARE)
      if (bare === undefined) throw new Error(`${BARE} is measured with every answer`)
      for (const [v, turns] of figures) costs[w]?.[v]?.add(turns, bare, turnsOf(CACHED_READ))
    }
  } finally {
    await Promise.all(Array.from(running.values(), worker => worker.stop()))
  }
}

/** A few at a time; who's first changes from round to round. */
async function startAll(scene: Scene, round: number, running: Map<number, PluginWorker>): Promise<void> {
  const count = scene.variants.length
  const order = scene.variants.map((_, i) => (i + round) % count)
  const starter = async () => {
    for (let v = order.shift(); v !== undefined; v = order.shift()) {
      const variant = scene.variants[v]
      if (variant !== undefined) running.set(v, await scene.workers.start(variant.part, scene.texts))
    }
  }
  const starters = Array.from({ length: availableParallelism() }, starter)
  // All of them, so that whatever was started is in the list when one of them fails.
  const failed = (await Promise.allSettled(starters)).find(outcome => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function measureWorkload(
  scene: Scene,
  { path, fields }: PluginWorkload,
  measured: readonly number[],
  running: ReadonlyMap<number, PluginWorker>,
): Promise<ReadonlyMap<number, Turns>> {
  const { asker, settings } = scene
  const figures = new Map(measured.map((v): [number, Turns] => [v, { cpuUs: [], requestsPerSecond: [], bodyBytes: 0 }]))
  const ask = ({ socketPath }: PluginWorker, forMs: number) =>
    asker.ask({
      address: { path: socketPath },
      fields,
      asks: [{ path, begins: '{"' }],
      connections: PLUGIN_CONNECTIONS,
      forMs,
      stable: true,
    })
  for (const v of measured) await warmUp(settings, forMs => ask(workerOf(running, v), forMs))
  for (const { candidate } of interleave(measured, settings.turns)) {
    const worker = workerOf(running, candidate)
    await ask(worker, settings.settleMs)
    const before = processorTime(worker.pid)
    const { seconds, latenciesMs, failed, firstFailure, bodyBytes } = await ask(worker, settings.turnMs)
    const after = processorTime(worker.pid)
    if (failed > 0) throw new Error(`not every request was answered: ${firstFailure}`)
    const cpuUs = after.usedUs - before.usedUs
    scene.busy.push(cpuUs / 1e6 / seconds)
    scene.keptOff.push((after.waitedUs - before.waitedUs) / 1e6 / seconds)
    const own = figures.get(candidate)
    if (own === undefined) continue
    own.cpuUs.push(cpuUs / latenciesMs.length)
    own.requestsPerSecond.push(latenciesMs.length / seconds)
    own.bodyBytes = bodyBytes
  }
  return figures
}

async function warmUp(
  { warmupRequests, warmupMostMs, turnMs }: PluginSettings,
  ask: (forMs: number) => Promise<AskFigures>,
): Promise<void> {
  let requests = 0
  let seconds = 0
  while (requests < warmupRequests && seconds * 1000 < warmupMostMs) {
    const figures = await ask(turnMs)
    requests += figures.latenciesMs.length
    seconds += figures.seconds
  }
}

function workerOf(running: ReadonlyMap<number, PluginWorker>, variant: number): PluginWorker {
  const worker = running.get(variant)
  if (worker === undefined) throw new Error('a worker that was never started')
  return worker
}

/** Of all its threads; and how long the main one could have run and had no core (the second figure of schedstat, in ns). */
function processorTime(pid: number): { readonly usedUs: number; readonly waitedUs: number } {
  const waitedNs = Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1])
  return { usedUs: threadTimeUs(pid), waitedUs: waitedNs / 1000 }
}
