// One drill of one proxy: upstreams, proxy and generator started, every phase sent and injured, everything ended, and only then counted.
//
//   upstreams → proxy → all three seen through it → phases → last answers → clients gone, sockets looked at → proxy ended → upstreams ended → tally
//
// The proxy ends before the upstreams' logs are read: what it still sends then would be missed.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { SeededRandom, until } from '@plimsoll/testing'
import { treeCpuUs } from '../../src/cpu-time.ts'
import { inflict, injuredUpstreams } from './injuries.ts'
import { OpenLoop } from './open-loop.ts'
import type { DrillPlan, Phase } from './phases.ts'
import { MAX_IDLE_PER_UPSTREAM, OURS, type Proxy, type RunningProxy, TOTAL_MS } from './proxies.ts'
import { seeAll } from './probe.ts'
import { type ProxySockets, proxySockets } from './proxy-sockets.ts'
import { schedule } from './schedule.ts'
import { type PhaseTally, tallyPhase } from './tally.ts'
import { UpstreamFleet } from './upstream-fleet.ts'
import { judgePhase, judgeSockets, type Miss } from './verdict.ts'

export interface DrillIo {
  readonly nodePath: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** An empty folder, removed by whoever made it. */
  readonly temporary: string
  /** Aborted: everything started is ended, and the drill rejects. */
  readonly signal: AbortSignal
  write(text: string): void
}

export interface DrillSetting {
  readonly proxy: Proxy
  /** Of the proxy, for the report. */
  readonly version: string
  readonly plan: DrillPlan
  readonly seed: number
  /** The program file of our balancer. */
  readonly balancer: string
}

export interface PhaseResult {
  readonly phase: Phase
  readonly tally: PhaseTally
  readonly misses: readonly Miss[]
}

export interface DrillResult {
  readonly proxy: string
  readonly version: string
  readonly plan: DrillPlan['name']
  /** Whether the limits of the phases counted. */
  readonly judgesLimits: boolean
  readonly seed: number
  readonly phases: readonly PhaseResult[]
  /** With the clients gone; null where it can't be known. */
  readonly socketsAfter: ProxySockets | null
  /** Bytes that came on connections without a request. */
  readonly stray: readonly string[]
  /** All figures that aren't met. */
  readonly misses: readonly Miss[]
  /** CPU time by wall time while requests were sent, ratios of one core. The upstreams' isn't known: they die in between. */
  readonly generatorCpu: number
  readonly proxyCpu: number
  /** From kill -9 until the kernel had closed the sockets of the killed one; null if none was. */
  readonly dyingMs: number | null
}

const SOCKETS_TIMEOUT_MS = 5000

/** @throws Error when something couldn't be started, or the signal's reason */
export async function runDrill(io: DrillIo, setting: DrillSetting): Promise<DrillResult> {
  const { proxy, plan, seed } = setting
  const folder = path.join(io.temporary, proxy.name)
  mkdirSync(folder)
  // What watches the coverage of tests would slow down what is drilled.
  const env = { ...io.env, NODE_OPTIONS: undefined, NODE_V8_COVERAGE: undefined }
  const fleet = await UpstreamFleet.start({ nodePath: io.nodePath, env, folder, signal: io.signal })
  let running: RunningProxy | null = null
  let loop: OpenLoop | null = null
  try {
    const { nodePath, signal } = io
    const { balancer } = setting
    running = await proxy.start({ upstreams: fleet.ports, folder, nodePath, balancer, env, signal })
    await seeAll(running.port, () => fleet.names, signal)
    loop = new OpenLoop({ port: running.port, deadlineMs: TOTAL_MS, signal })
    const sent = await sendPhases(io, plan, seed, { loop, fleet, proxyPid: running.pid })
    await loop.settled()
    loop.close()
    const socketsAfter = await restingSockets(running, fleet.ports)
    await running.stop()
    await fleet.stop()
    return count(setting, fleet, loop, sent, socketsAfter)
  } finally {
    loop?.close()
    await running?.stop()
    await fleet.stop()
  }
}

interface Sent {
  readonly unavoidable: ReadonlySet<string>
  readonly dyingMs: number | null
  readonly generatorCpu: number
  readonly proxyCpu: number
}

async function sendPhases(
  io: DrillIo,
  plan: DrillPlan,
  seed: number,
  { loop, fleet, proxyPid }: { loop: OpenLoop; fleet: UpstreamFleet; proxyPid: number },
): Promise<Sent> {
  const unavoidable = new Set<string>()
  const noteUnderWay = () => {
    for (const id of loop.underWay('POST')) unavoidable.add(id)
  }
  let dyingMs: number | null = null
  const random = new SeededRandom(seed)
  const before = { wallMs: performance.now(), own: process.cpuUsage(), proxyUs: cpuUs(proxyPid) }
  for (const [index, phase] of plan.phases.entries()) {
    const { name, durationMs, burst } = phase
    const requests = schedule({
      prefix: name,
      durationMs,
      requestsPerSecond: plan.requestsPerSecond,
      random,
      ...(burst ? { burst } : {}),
    })
    // From the signal until the sockets are gone too: what the kernel still takes for the dead nobody reads.
    let killedAtMs: number | null = null
    const onSent = () => killedAtMs !== null && noteUnderWay()
    const onKill = (at: 'killed' | 'gone') => {
      noteUnderWay()
      if (killedAtMs !== null) dyingMs = performance.now() - killedAtMs
      killedAtMs = at === 'killed' ? performance.now() : null
    }
    const injury = inflict(phase, { patients: fleet, onKill, signal: io.signal })
    const ended = await Promise.allSettled([loop.run(index, requests, durationMs, onSent), injury])
    for (const one of ended) if (one.status === 'rejected') throw one.reason
    const failed = loop.records.filter(
      ({ phase, outcome }) => phase === index && outcome && outcome.kind !== 'well',
    ).length
    io.write(
      `  ${name.padEnd(9)} ${requests.length} sent, ${failed} failed so far, ${loop.unsettled} under way   (${phase.summary})\n`,
    )
  }
  const wallUs = (performance.now() - before.wallMs) * 1000
  const own = process.cpuUsage(before.own)
  return {
    unavoidable,
    dyingMs,
    generatorCpu: (own.user + own.system) / wallUs,
    proxyCpu: (cpuUs(proxyPid) - before.proxyUs) / wallUs,
  }
}

function count(
  { proxy, version, plan, seed }: DrillSetting,
  fleet: UpstreamFleet,
  loop: OpenLoop,
  sent: Sent,
  socketsAfter: ProxySockets | null,
): DrillResult {
  const executions = fleet.executions()
  const byPhase = Map.groupBy(loop.records, record => record.phase)
  const phases = plan.phases.map((phase, index): PhaseResult => {
    const tally = tallyPhase({
      records: byPhase.get(index) ?? [],
      executions,
      durationMs: phase.durationMs,
      injured: injuredUpstreams(phase, fleet.names),
      unavoidable: sent.unavoidable,
    })
    return { phase, tally, misses: judgePhase(phase.name, tally, plan.judgesLimits ? phase.limits : null) }
  })
  const misses = [
    ...phases.flatMap(phase => phase.misses),
    ...judgeSockets(socketsAfter, MAX_IDLE_PER_UPSTREAM * fleet.names.length),
    ...(loop.stray.length > 0 ? [{ phase: 'after', what: `${loop.stray.length} times bytes without a request` }] : []),
  ]
  const { generatorCpu, proxyCpu, dyingMs } = sent
  return {
    proxy: proxy.name,
    version,
    plan: plan.name,
    judgesLimits: plan.judgesLimits,
    seed,
    phases,
    socketsAfter,
    stray: loop.stray.slice(0, 3),
    misses,
    generatorCpu,
    proxyCpu,
    dyingMs,
  }
}

/** Once the sockets of the clients are gone, or haven't within the time. */
async function restingSockets({ pid, port }: RunningProxy, upstreams: readonly number[]): Promise<ProxySockets | null> {
  const look = () => proxySockets(pid, port, upstreams)
  try {
    await until(
      () => {
        const sockets = look()
        return sockets === null || sockets.client + sockets.upstreamClosing === 0
      },
      { what: 'the sockets', timeoutMs: SOCKETS_TIMEOUT_MS, intervalMs: 100 },
    )
  } catch {
    // The figures tell.
  }
  return look()
}

function cpuUs(pid: number): number {
  return process.platform === 'linux' ? treeCpuUs(pid) : 0
}

/** Whether what isn't met makes the drill fail: only ours has promised something. */
export function isFailed(result: DrillResult): boolean {
  return result.proxy === OURS && result.misses.length > 0
}
