// Everything that says which endpoints there are, joined into one list.
//
//   upstream ────┐
//   file ────────┼─► parts, in this order ──joined──► onList
//   dns …, srv … ┘
//
// Invariants
// * Each source owns its part of the list and nothing else; of endpoints with the same id the first part's stays.
// * `onList` is called once when all sources have been asked, and from then on when the joined list has changed.
// * `apply` again takes a new configuration as one change: sources that stay as they are go on undisturbed, and one that is replaced hands
//   its list on, so that a name server that is silent just then costs no endpoint.
import type { EndpointDescription } from '../upstream/endpoint.ts'
import { dnsLookUp, parseDnsName } from './dns-endpoints.ts'
import { SYSTEM_TIMERS, type Timers } from '../transport/timers.ts'
import { EndpointFile } from './endpoint-file.ts'
import { isSameList, joinLists } from './endpoint-list.ts'
import { LookUpLoop, type LookUp, type SourceListener } from './look-up-loop.ts'
import type { AddressFamilies } from './name-addresses.ts'
import { checkServers, systemResolver } from './name-resolver.ts'
import { parseServiceName, srvLookUp } from './srv-endpoints.ts'
import { staticEndpoints } from './static.ts'

/** The part of the configuration that says where endpoints come from. */
export interface DiscoveryConfig {
  readonly upstream: readonly { readonly url: string; readonly weight: number }[]
  readonly discovery: DiscoveryOptions
}

export interface DiscoveryOptions {
  readonly file: string
  readonly pollMs: number
  readonly dns: readonly string[]
  readonly srv: readonly string[]
  readonly dnsServers: readonly string[]
  readonly dnsFamily: AddressFamilies
  readonly dnsMinTtlMs: number
  readonly dnsMaxTtlMs: number
  readonly dnsTimeoutMs: number
  readonly srvRefreshMs: number
}

/** By what a log line says that a source could not be read. */
export type DiscoveryFaultCode = 'LB_ERR_DISCOVERY_FILE' | 'LB_ERR_DISCOVERY_DNS'

export interface DiscoveryDependencies {
  readonly random: { next(): number }
  readonly timers?: Timers
  /** The whole list, whenever it has changed. */
  onList(list: EndpointDescription[]): void
  /** A source can't be read; its last list stays. Told once until the fault changes. */
  onFault(code: DiscoveryFaultCode, message: string): void
}

/** Something that finds endpoints. */
interface Source {
  /** Resolves when it has been asked once, whatever came of it. */
  start(): Promise<void>
  stop(): void
}

/** A source as the configuration describes it. */
interface Plan {
  /** What is looked at: replaced by a plan of the same name, it hands its list on. */
  readonly name: string
  /** All that it's made from: with the same settings it goes on as it is. */
  readonly settings: string
  readonly faultCode: DiscoveryFaultCode
  create(listener: SourceListener): Source
}

/** A source at work. */
interface Part {
  readonly plan: Plan
  readonly source: Source
  /** What it has told last, or what the part that it replaces had; null when neither has told anything. */
  list: readonly EndpointDescription[] | null
}

export class Discovery {
  readonly #dependencies: DiscoveryDependencies
  readonly #timers: Timers
  #given: readonly EndpointDescription[] = []
  #parts: readonly Part[] = []
  /** Those that are being asked for the first time. */
  #opening: readonly Part[] = []
  #told: readonly EndpointDescription[] | null = null
  #applying: Promise<void> | null = null
  #stopped = false

  constructor(dependencies: DiscoveryDependencies) {
    this.#dependencies = dependencies
    this.#timers = dependencies.timers ?? SYSTEM_TIMERS
  }

  /**
   * Takes a configuration, at the start and whenever it has changed; one call after the other. Resolves when all new sources have been
   * asked once and the list has been told: within `dnsTimeoutMs` when name servers are silent. Where no source is new, and none is being
   * asked, the list is told before the call returns.
   * @throws Error for a configuration in which `discoveryOptionIssues` finds something; nothing has changed then.
   */
  apply(config: DiscoveryConfig): Promise<void> {
    const applied = this.#applying === null ? this.#apply(config) : this.#applying.then(() => this.#apply(config))
    const ended: Promise<void> = applied
      .catch(() => {})
      .then(() => {
        if (this.#applying === ended) this.#applying = null
      })
    this.#applying = ended
    return applied
  }

  stop(): void {
    this.#stopped = true
    for (const { source } of [...this.#parts, ...this.#opening]) source.stop()
    this.#parts = []
    this.#opening = []
  }

  async #apply(config: DiscoveryConfig): Promise<void> {
    const plans = plansOf(config, this.#dependencies.random, this.#timers)
    const given = staticEndpoints(config.upstream)
    if (this.#isStopped) return
    const before = new Map(this.#parts.map(part => [part.plan.name, part]))
    const fresh: Part[] = []
    const parts = plans.map(plan => {
      const same = before.get(plan.name)
      if (same?.plan.settings === plan.settings) return same
      const part = this.#open(plan)
      fresh.push(part)
      return part
    })
    if (fresh.length > 0) {
      // Until the new sources have been asked, the old ones speak.
      this.#opening = fresh
      await Promise.all(fresh.map(({ source }) => source.start()))
      this.#opening = []
      if (this.#isStopped) return
    }
    for (const part of fresh) part.list ??= before.get(part.plan.name)?.list ?? null
    for (const part of before.values()) if (!parts.includes(part)) part.source.stop()
    this.#given = given
    this.#parts = parts
    this.#tell()
  }

  #open(plan: Plan): Part {
    const source = plan.create({
      onList: list => {
        part.list = list
        if (this.#parts.includes(part)) this.#tell()
      },
      onFault: message => this.#dependencies.onFault(plan.faultCode, message),
    })
    const part: Part = { plan, source, list: null }
    return part
  }

  /** A getter, so that the compiler doesn't take it for unchanged by what was awaited. */
  get #isStopped(): boolean {
    return this.#stopped
  }

  #tell(): void {
    const list = joinLists([this.#given, ...this.#parts.map(part => part.list ?? [])])
    if (this.#told !== null && isSameList(list, this.#told)) return
    this.#told = list
    this.#dependencies.onList(list)
  }
}

function plansOf({ discovery }: DiscoveryConfig, random: { next(): number }, timers: Timers): Plan[] {
  const { file, pollMs, dns, srv, dnsServers, dnsFamily, dnsMinTtlMs, dnsMaxTtlMs, dnsTimeoutMs } = discovery
  const plans: Plan[] = []
  if (file !== '') {
    plans.push({
      name: `file ${file}`,
      settings: String(pollMs),
      faultCode: 'LB_ERR_DISCOVERY_FILE',
      create: listener => new EndpointFile({ path: file, pollMs, ...listener }),
    })
  }
  const createResolver = systemResolver(dnsServers, dnsTimeoutMs)
  const retry = { timeoutMs: dnsTimeoutMs, minRetryMs: dnsMinTtlMs, maxRetryMs: dnsMaxTtlMs }
  const settings = JSON.stringify({ ...discovery, file: '', pollMs: 0, dns: [], srv: [] })
  const plan = (name: string, lookUp: () => LookUp): Plan => ({
    name,
    settings,
    faultCode: 'LB_ERR_DISCOVERY_DNS',
    create: listener => new LookUpLoop(retry, { createResolver, timers, random }, listener, lookUp()),
  })
  for (const text of new Set(dns)) {
    const options = { ...parseDnsName(text), families: dnsFamily, minTtlMs: dnsMinTtlMs, maxTtlMs: dnsMaxTtlMs }
    plans.push(plan(`dns ${text}`, () => dnsLookUp(options)))
  }
  for (const text of new Set(srv)) {
    const options = { name: parseServiceName(text), families: dnsFamily, refreshMs: discovery.srvRefreshMs }
    plans.push(plan(`srv ${text}`, () => srvLookUp(options)))
  }
  return plans
}

/** What the schema can't say: values that don't parse or contradict each other. One sentence per problem. */
export function discoveryOptionIssues(discovery: DiscoveryOptions): string[] {
  const issues: string[] = []
  const attempt = (option: string, parse: () => unknown) => {
    try {
      parse()
    } catch (error) {
      issues.push(`${option}: ${(error as Error).message}`)
    }
  }
  for (const text of discovery.dns) attempt('dns', () => parseDnsName(text))
  for (const text of discovery.srv) attempt('srv', () => parseServiceName(text))
  attempt('dnsServers', () => checkServers(discovery.dnsServers))
  const { dnsMinTtlMs, dnsMaxTtlMs } = discovery
  if (dnsMinTtlMs > dnsMaxTtlMs) {
    issues.push(`dnsMinTtlMs (${dnsMinTtlMs} ms) is longer than dnsMaxTtlMs (${dnsMaxTtlMs} ms)`)
  }
  return issues
}
