// The recycle drill: a leaking service under our supervisor, our balancer before it, requests all the while; everything ended, and only then counted.
//
//   service → balancer → all workers seen through it → phases → last answers → clients gone → balancer ended → service ended → ledgers read
//
// The balancer ends before the workers: what it would still send then is in the ledgers.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { SeededRandom } from '@plimsoll/testing'
import type { DrillIo } from '../drill.ts'
import { startBalancer } from '../../../src/balancer-program.ts'
import { OpenLoop } from '../open-loop.ts'
import type { RunningProxy } from '../proxies.ts'
import { PROBE_ID, seeAll } from '../probe.ts'
import type { Miss } from '../verdict.ts'
import { readLedger } from './ledger.ts'
import { type RecyclePhase, type RecyclePlan, SLICE_MS } from './recycle-plan.ts'
import { type Killed, type RecycleTally, strangers, tallyRecyclePhase } from './recycle-tally.ts'
import { judgeRecyclePhase } from './recycle-verdict.ts'
import { HEALTH_PATH } from '../upstream/upstream-protocol.ts'
import { type Mix, scheduleMix } from './request-kinds.ts'
import { type Recycle, ServiceFleet } from './service-fleet.ts'
import { type Mistake, processName } from './service/service-protocol.ts'

export interface RecycleSetting {
  readonly plan: RecyclePlan
  readonly seed: number
  /** The program file of our balancer. */
  readonly balancer: string
  /** Of the service, for the proof that the drill finds them. */
  readonly mistakes: readonly Mistake[]
}

export interface RecyclePhaseResult {
  readonly phase: RecyclePhase
  readonly tally: RecycleTally
  readonly durationMs: number
  readonly leastReady: number
  readonly misses: readonly Miss[]
}

/** How long a worker's replacement took. */
export interface RecycleTimes {
  readonly worker: string
  readonly reason: string
  readonly detail: string
  /** From its wish until its successor served, and until it was gone; null when it didn't come to that. */
  readonly replacedMs: number | null
  readonly endedMs: number | null
}

export interface RecycleResult {
  readonly plan: RecyclePlan['name']
  readonly seed: number
  readonly phases: readonly RecyclePhaseResult[]
  readonly recycles: readonly RecycleTimes[]
  /** From SIGHUP until all were replaced; null if that wasn't part of it. */
  readonly rolledMs: number | null
  /** From kill -9 until its end was seen, and until all workers took requests again; null if that wasn't part of it. */
  readonly killed: { readonly goneMs: number; readonly wholeMs: number } | null
  /** Bytes that came on connections without a request. */
  readonly stray: readonly string[]
  /** All that isn't as it has to be. */
  readonly misses: readonly Miss[]
}

/** @throws Error when something couldn't be started, or the signal's reason */
export async function runRecycleDrill(io: DrillIo, setting: RecycleSetting): Promise<RecycleResult> {
  const { plan, mistakes } = setting
  const [runFolder, ledgerFolder] = ['run', 'ledger'].map(name => path.join(io.temporary, name)) as [string, string]
  mkdirSync(ledgerFolder)
  // What watches the coverage of tests would slow down what is drilled.
  const env = { ...io.env, NODE_OPTIONS: undefined, NODE_V8_COVERAGE: undefined, NODE_TEST_CONTEXT: undefined }
  const endpointFile = path.join(io.temporary, 'endpoints.json')
  const { nodePath, signal } = io
  const fleet = await ServiceFleet.start({
    nodePath,
    env,
    start: { ...plan, runFolder, ledgerFolder, endpointFile, mistakes },
    signal,
  })
  let balancer: RunningProxy | null = null
  let loop: OpenLoop | null = null
  try {
    balancer = await startBalancer({
      nodePath,
      file: setting.balancer,
      env,
      // Endpoints from the file that the service's supervisor keeps.
      flags: [
        ['--discovery.file', endpointFile],
        ['--health.path', HEALTH_PATH],
        ['--log.level', 'error'],
        plan.balancerFlags,
      ].flat(),
      signal,
    })
    await seeAll(balancer.port, () => fleet.workers.map(processName), signal)
    loop = new OpenLoop({ port: balancer.port, deadlineMs: plan.totalMs, signal })
    const driven = await new Driver(io, setting, fleet, loop).drive()
    await loop.settled()
    loop.close()
    await balancer.stop()
    await fleet.stop()
    return count(setting, fleet, loop, driven, ledgerFolder)
  } finally {
    loop?.close()
    await balancer?.stop()
    await fleet.stop()
  }
}

interface DrivenPhase {
  readonly phase: RecyclePhase
  readonly durationMs: number
  readonly leastReady: number
  readonly trouble: string | null
  readonly crashes: readonly string[]
}

interface Driven {
  readonly phases: readonly DrivenPhase[]
  readonly rolledMs: number | null
  readonly killed: (Killed & { readonly goneMs: number; readonly wholeMs: number }) | null
}

/** Sends the phases, and does in each what it's about. */
class Driver {
  readonly #io: DrillIo
  readonly #plan: RecyclePlan
  readonly #fleet: ServiceFleet
  readonly #loop: OpenLoop
  readonly #random: SeededRandom
  #rolledMs: number | null = null
  #killed: Driven['killed'] = null

  constructor(io: DrillIo, { plan, seed }: RecycleSetting, fleet: ServiceFleet, loop: OpenLoop) {
    this.#io = io
    this.#plan = plan
    this.#fleet = fleet
    this.#loop = loop
    this.#random = new SeededRandom(seed)
  }

  async drive(): Promise<Driven> {
    const phases: DrivenPhase[] = []
    for (const [index, phase] of this.#plan.phases.entries()) {
      const crashesBefore = this.#fleet.crashes.length
      this.#fleet.forgetLeastReady()
      const startedAtMs = performance.now()
      const trouble = await this.#drivePhase(index, phase)
      const sent = this.#loop.records.filter(record => record.phase === index)
      const failed = sent.filter(({ outcome }) => outcome && outcome.kind !== 'well').length
      const durationMs = performance.now() - startedAtMs
      this.#io.write(
        `  ${phase.name.padEnd(8)} ${sent.length} sent in ${(durationMs / 1000).toFixed(1)} s, ${failed} failed so far   (${phase.summary})\n`,
      )
      phases.push({
        phase,
        durationMs,
        leastReady: this.#fleet.leastReady,
        trouble,
        crashes: this.#fleet.crashes.slice(crashesBefore).map(({ name, how }) => `${name}: ${how}`),
      })
      // What comes after would be about something else.
      if (trouble !== null) break
    }
    return { phases, rolledMs: this.#rolledMs, killed: this.#killed }
  }

  /** What has gone wrong, or null. */
  async #drivePhase(index: number, phase: RecyclePhase): Promise<string | null> {
    switch (phase.name) {
      case 'calm':
        await this.#send(index, phase.mix, () => true)
        return null
      case 'recycle':
        return this.#recycle(index, phase.mix)
      case 'rolling':
        return this.#roll(index, phase.mix)
      case 'killed':
        return this.#kill(index, phase.mix)
      default:
        return phase.name satisfies never
    }
  }

  async #recycle(index: number, mix: Mix): Promise<string | null> {
    const wanted = this.#plan.recycles
    const limit = `within ${this.#plan.limitMs / 1000} s`
    const enough = await this.#send(index, mix, () => this.#fleet.recycles.length >= wanted)
    if (!enough) return `${this.#fleet.recycles.length} workers asked to be replaced ${limit}, at least ${wanted}`
    // From here on nobody leaks any more: who waits for its turn should live to see it.
    const settled = await this.#send(index, { ...mix, leak: 0 }, () => this.#fleet.isWhole)
    return settled ? null : `${this.#fleet.pendingRecycles} workers that asked to be replaced weren't ${limit}`
  }

  async #roll(index: number, mix: Mix): Promise<string | null> {
    const startedAtMs = performance.now()
    const rolling = this.#fleet.roll().then(error => {
      this.#rolledMs = performance.now() - startedAtMs
      return error
    })
    const settled = await this.#send(index, mix, () => this.#rolledMs !== null && this.#fleet.isWhole)
    if (!settled) return `the rolling restart wasn't over within ${this.#plan.limitMs / 1000} s`
    const error = await rolling
    return error === null ? null : `the rolling restart failed: ${error}`
  }

  async #kill(index: number, mix: Mix): Promise<string | null> {
    const id = this.#random.pick(this.#fleet.workers)
    const underWay = new Set<string>()
    const noteUnderWay = () => {
      for (const one of this.#loop.underWay('POST')) underWay.add(one)
    }
    let [goneMs, wholeMs] = [0, 0]
    let isGone = false
    const isWhole = () => {
      if (!isGone || !this.#fleet.isWhole) return false
      wholeMs ||= performance.now() - killedAtMs
      return true
    }
    // Some are under way when it happens, but none of the phase before: there may be streams among them, which go with their worker.
    const own = `${this.#plan.phases[index]?.name ?? ''}.`
    const isEarlier = (one: string) => !one.startsWith(own)
    do await this.#slice(index, mix)
    while (this.#loop.underWay('GET').some(isEarlier))
    const killedAtMs = performance.now()
    noteUnderWay()
    const killing = this.#fleet.kill(id).then(() => {
      noteUnderWay()
      goneMs = performance.now() - killedAtMs
      isGone = true
    })
    const settled = await this.#send(index, mix, isWhole, () => !isGone && noteUnderWay())
    if (!settled) return `worker ${processName(id)} had no successor within ${this.#plan.limitMs / 1000} s`
    await killing
    this.#killed = { name: processName(id), underWay, goneMs, wholeMs }
    return null
  }

  /** Sends for the phase's time, until `isDone` and a little longer. False when it wasn't done in time. */
  async #send(index: number, mix: Mix, isDone: () => boolean, onSent: () => void = () => {}): Promise<boolean> {
    const startedAtMs = performance.now()
    const elapsedMs = () => performance.now() - startedAtMs
    // Asked after every slice, also when there's time left: it may note when it was.
    for (let done = isDone(); !done || elapsedMs() < this.#plan.phaseMs; done = isDone()) {
      if (elapsedMs() > this.#plan.limitMs) return false
      await this.#slice(index, mix, onSent)
    }
    for (let afterMs = 0; afterMs < this.#plan.afterMs; afterMs += SLICE_MS) await this.#slice(index, mix)
    return true
  }

  #slices = 0

  async #slice(index: number, mix: Mix, onSent: () => void = () => {}): Promise<void> {
    const requests = scheduleMix({
      prefix: `${this.#plan.phases[index]?.name ?? ''}.${this.#slices++}`,
      durationMs: SLICE_MS,
      requestsPerSecond: this.#plan.requestsPerSecond,
      mix,
      random: this.#random,
    })
    await this.#loop.run(index, requests, SLICE_MS, onSent)
  }
}

function count(
  { plan, seed }: RecycleSetting,
  fleet: ServiceFleet,
  loop: OpenLoop,
  driven: Driven,
  ledgerFolder: string,
): RecycleResult {
  const ledger = readLedger(ledgerFolder)
  const byPhase = Map.groupBy(loop.records, record => record.phase)
  const phases = driven.phases.map(({ phase, durationMs, leastReady, trouble, crashes }, index): RecyclePhaseResult => {
    const killed = phase.name === 'killed' ? driven.killed : null
    const tally = tallyRecyclePhase({ records: byPhase.get(index) ?? [], ledger, durationMs, killed })
    const misses = judgeRecyclePhase({ phase, tally, leastReady, workers: plan.workers, trouble, crashes })
    return { phase, tally, durationMs, leastReady, misses }
  })
  const unknown = strangers(loop.records, ledger).filter(key => key !== `GET ${PROBE_ID}`)
  const after = (what: string): Miss => ({ phase: 'after', what })
  return {
    plan: plan.name,
    seed,
    phases,
    recycles: fleet.recycles.map(timesOf),
    rolledMs: driven.rolledMs,
    killed: driven.killed && { goneMs: driven.killed.goneMs, wholeMs: driven.killed.wholeMs },
    stray: loop.stray.slice(0, 3),
    misses: [
      ...phases.flatMap(({ misses }) => misses),
      ...(unknown.length > 0
        ? [after(`${unknown.length} requests in the ledgers that nobody has sent: ${unknown[0]}`)]
        : []),
      ...(loop.stray.length > 0 ? [after(`${loop.stray.length} times bytes without a request`)] : []),
    ],
  }
}

function timesOf({ id, reason, detail, askedAtMs, replacedAtMs, endedAtMs }: Recycle): RecycleTimes {
  const since = (atMs: number | null) => (atMs === null ? null : atMs - askedAtMs)
  return { worker: processName(id), reason, detail, replacedMs: since(replacedAtMs), endedMs: since(endedAtMs) }
}
