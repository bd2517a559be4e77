// The upstreams of a drill: starts them, injures them, and in the end reads what each has executed.
//
//   a, b, c: stopped → running (well ⇄ injured) → killed or drained → running → stopped
//
// Each keeps its port over its lives. The ports are below those that the system lends to outgoing connections, so nobody takes one meanwhile.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '@plimsoll/testing'
import { type Program, startProgram } from '../../src/program.ts'
import type { Fault, UpstreamOrder, UpstreamReport, UpstreamStart } from './upstream/upstream-protocol.ts'

export interface FleetOptions {
  readonly nodePath: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** An empty folder for the logs. */
  readonly folder: string
  readonly signal: AbortSignal
}

interface Upstream {
  readonly name: string
  readonly port: number
  readonly logFile: string
  program: Program<true> | null
}

const NAMES = ['a', 'b', 'c'] as const
const START_TIMEOUT_MS = 20_000

export class UpstreamFleet {
  readonly #options: FleetOptions
  readonly #upstreams: readonly Upstream[]

  private constructor(options: FleetOptions, ports: readonly number[]) {
    this.#options = options
    this.#upstreams = NAMES.map((name, i) => ({
      name,
      port: ports[i] ?? 0,
      logFile: path.join(options.folder, `${name}.log`),
      program: null,
    }))
  }

  static async start(options: FleetOptions): Promise<UpstreamFleet> {
    const ports = new Set<number>()
    while (ports.size < NAMES.length) ports.add(await freePort())
    const fleet = new UpstreamFleet(options, [...ports])
    try {
      await Promise.all(fleet.#upstreams.map(upstream => fleet.#start(upstream)))
      return fleet
    } catch (error) {
      await fleet.stop()
      throw error
    }
  }

  get names(): readonly string[] {
    return NAMES
  }

  /** On 127.0.0.1. */
  get ports(): readonly number[] {
    return this.#upstreams.map(upstream => upstream.port)
  }

  /** Of those that run. */
  get pids(): readonly number[] {
    return this.#upstreams.flatMap(({ program }) => (program ? [program.pid] : []))
  }

  /** Resolves when the fault is in force; 'none' heals. */
  async injure(name: string, fault: Fault): Promise<void> {
    const { child } = this.#running(name)
    const inForce = Promise.withResolvers<void>()
    const onMessage = (message: unknown) => {
      const report = message as UpstreamReport
      if (report.kind === 'in-force' && report.fault === fault) inForce.resolve()
      if (report.kind === 'failed') inForce.reject(new Error(`upstream ${name}: ${fault}: ${report.reason}`))
    }
    const onEnd = () => inForce.reject(new Error(`upstream ${name} has ended before it was told: ${fault}`))
    child.on('message', onMessage)
    child.once('exit', onEnd)
    try {
      child.send({ kind: 'fault', fault } satisfies UpstreamOrder)
      await inForce.promise
    } finally {
      child.off('message', onMessage)
      child.off('exit', onEnd)
    }
  }

  /** SIGKILL. Calls back with the signal sent, and when the kernel has taken all that the process had: between the two nobody reads. */
  async kill(name: string, onKill: (at: 'killed' | 'gone') => void): Promise<void> {
    const upstream = this.#find(name)
    const program = this.#running(name)
    program.child.once('exit', () => onKill('gone'))
    program.child.kill('SIGKILL')
    onKill('killed')
    await program.stop()
    upstream.program = null
  }

  /** SIGTERM: it drains and ends. Resolves when it has ended. */
  async drain(name: string): Promise<void> {
    const upstream = this.#find(name)
    await upstream.program?.stop()
    upstream.program = null
  }

  /** Resolves when it listens again. */
  async restart(name: string): Promise<void> {
    await this.#start(this.#find(name))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#upstreams.map(({ name }) => this.drain(name)))
  }

  /** How often each was executed, by "METHOD id", over all upstreams. For a fleet that has stopped. */
  executions(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { logFile } of this.#upstreams) {
      // Whole lines only: each is one write.
      for (const line of readFileSync(logFile, 'latin1').split('\n').slice(0, -1)) {
        counts.set(line, (counts.get(line) ?? 0) + 1)
      }
    }
    return counts
  }

  async #start(upstream: Upstream): Promise<void> {
    const { name, port, logFile } = upstream
    const { nodePath, env, signal } = this.#options
    upstream.program = await startProgram({
      name: `upstream ${name}`,
      command: [nodePath, path.join(import.meta.dirname, 'upstream/main.ts')],
      env,
      firstMessage: { kind: 'start', name, port, logFile } satisfies UpstreamStart,
      ready: from => {
        if (!('message' in from)) return undefined
        const report = from.message as UpstreamReport
        return report.kind === 'listening' ? true : undefined
      },
      startTimeoutMs: START_TIMEOUT_MS,
      signal,
    })
  }

  #find(name: string): Upstream {
    const found = this.#upstreams.find(upstream => upstream.name === name)
    if (!found) throw new Error(`there is no upstream "${name}"; there are: ${NAMES.join(', ')}`)
    return found
  }

  #running(name: string): Program<true> {
    const { program } = this.#find(name)
    if (!program) throw new Error(`upstream ${name} isn't running`)
    return program
  }
}
