// The endpoints behind the balancer: who is known, and who may take a request now.
//
//   discovery ──list──┐
//   operator ──says───┼──► known endpoints ──rebuild──► snapshot ──► pick
//   checks, circuits ─┘                        ├──────► on trial: half-open ones, one request each
//   reports ─────────────────────────────────► └──────► with room: the part of the snapshot whose database has room
//
// Everything beside the pipeline only ever changes an endpoint and then replaces the snapshot, which requests read. A known endpoint keeps
// its object (and its counters) as long as its id and address stay the same. One that has left the list takes no new request; those
// under way finish on it.
//
// Panic: when fewer than `panicBelowRatio` of the endpoints may take requests, checks and circuits are more likely wrong than all
// servers are, and the rest would be buried under the whole load: then all that accept connections are used.
//
// Database room: requests that need the database go first to the part of the snapshot that reports no waiters, and to anyone when that's
// exhausted. The rest keeps `KEPT_RATIO` of its share of them, so that nobody can talk itself out of all. There's no such part in panic, nor
// when more than half have waiters: then the database is what's slow, and to crowd the others would help nobody.
import { createSnapshot, type HashKey, type Picker, type Snapshot } from '@plimsoll/load-balancing'
import { channels, type EndpointHealthChanged } from '../channels.ts'
import type { Clock } from '../transport/timer-wheel.ts'
import { Endpoint, type EndpointDescription, type EndpointHealth, type EndpointSettings } from './endpoint.ts'
import type { OperatorSettings } from './endpoint.ts'
import { SlowStart, type SlowStartOptions } from '../health/slow-start.ts'

/** What the configuration says of the pool; replaced whole on a reload. */
export interface PoolSettings {
  readonly endpoint: EndpointSettings
  readonly slowStart: SlowStartOptions
  /** Part of the endpoints, 0-1, below which all are used; 0: never. */
  readonly panicBelowRatio: number
  /** False: the first endpoint gets everything, whatever is seen of it. */
  readonly loadBalancing: boolean
  readonly picker: Picker<Endpoint>
}

/** Told of what happens in the pool. */
export interface PoolListener {
  /** Start and stop what belongs to an endpoint: checks and kept connections. */
  onJoin(endpoint: Endpoint): void
  onLeave(endpoint: Endpoint): void
  /** It takes no new requests by somebody's word: kept connections have no use any more. */
  onDrain(endpoint: Endpoint): void
  /** Before the channel `lb:endpoint:health-changed`. */
  onHealthChanged(change: EndpointHealthChanged): void
  onPanic(panic: boolean): void
}

/** How an endpoint came to be picked. */
export type PickKind = 'picked' | 'probe' | 'panic' | 'database-room'

/** An endpoint keeps this part of its share, whatever it reports. */
const KEPT_RATIO = 0.1

/** Those of a snapshot whose database has room, and the others. */
interface DatabaseParts {
  readonly withRoom: Snapshot<Endpoint>
  readonly without: Snapshot<Endpoint>
  /** Every so many-th pick is the others'. */
  readonly every: number
}

const EMPTY: Snapshot<Endpoint> = createSnapshot<Endpoint>([])

export class UpstreamPool {
  readonly #listener: PoolListener
  readonly #clock: Clock
  #settings: PoolSettings
  #known = new Map<string, Endpoint>()
  /** Immutable between two changes: replaced whole. */
  #snapshot = EMPTY
  /** Null when all have room, or nobody is to be avoided. */
  #databaseParts: DatabaseParts | null = null
  #databasePicks = 0
  #onTrial: readonly Endpoint[] = []
  #leftOut: readonly { readonly id: string; readonly why: string }[] = []
  #panic = false
  #everServed = false
  /** How the last pick came about. */
  lastKind: PickKind = 'picked'

  constructor(settings: PoolSettings, clock: Clock, listener: PoolListener) {
    this.#settings = settings
    this.#clock = clock
    this.#listener = listener
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.#known.values()]
  }

  /** Those that requests are sent to now, in panic too. */
  get candidates(): readonly Endpoint[] {
    return this.#snapshot.candidates
  }

  get availableCount(): number {
    return this.#snapshot.candidates.length
  }

  /** Those that requests aren't sent to, and why not; as of the last change. */
  get leftOut(): readonly { readonly id: string; readonly why: string }[] {
    return this.#leftOut
  }

  get isPanicking(): boolean {
    return this.#panic
  }

  get picker(): Picker<Endpoint> {
    return this.#settings.picker
  }

  find(id: string): Endpoint | null {
    return this.#known.get(id) ?? null
  }

  /** What the picker compares of it; lower is better. */
  scoreOf(endpoint: Endpoint, hashKey?: HashKey): number {
    return this.#settings.picker.score(this.#snapshot, endpoint, hashKey)
  }

  /** Takes other settings, for the very next pick. */
  configure(settings: PoolSettings): void {
    this.#settings = settings
    for (const endpoint of this.#known.values()) endpoint.configure(settings.endpoint)
    this.rebuild()
  }

  /** Takes a new list from discovery. */
  replace(list: readonly EndpointDescription[]): void {
    const before = this.#known
    const known = new Map<string, Endpoint>()
    const drained: Endpoint[] = []
    for (const description of list) {
      const old = before.get(description.id)
      if (old && old.url === description.url) {
        if (old.administrative === 'ready' && description.administrative === 'draining') drained.push(old)
        old.describe(description)
        known.set(old.id, old)
      } else {
        known.set(description.id, new Endpoint(description, this.#settings.endpoint, !this.#everServed))
      }
    }
    this.#known = known
    this.rebuild()
    for (const endpoint of before.values()) if (known.get(endpoint.id) !== endpoint) this.#listener.onLeave(endpoint)
    for (const endpoint of known.values()) if (before.get(endpoint.id) !== endpoint) this.#listener.onJoin(endpoint)
    for (const endpoint of drained) if (endpoint.administrative === 'draining') this.#listener.onDrain(endpoint)
  }

  /** An operator's word, which outlasts discovery's. */
  operate(endpoint: Endpoint, settings: OperatorSettings): void {
    const was = endpoint.administrative
    endpoint.operate(settings)
    this.rebuild()
    if (was === 'ready' && endpoint.administrative === 'draining') this.#listener.onDrain(endpoint)
  }

  /** Records what a check or a request saw of an endpoint. */
  setHealth(endpoint: Endpoint, health: EndpointHealth, reason: string): void {
    const from = endpoint.health
    endpoint.setHealth(health, reason)
    if (from === health) {
      // One that's down may accept connections again, or no more: in panic that decides.
      if (this.#panic) this.rebuild()
      return
    }
    if (health === 'up' && from === 'down') {
      endpoint.forgetPicks()
      // It may be another process by now, whose reports count from 1.
      endpoint.report.forget()
    }
    if (health === 'up' && !(from === 'starting' && endpoint.isOriginal)) this.startSlowly(endpoint)
    this.rebuild()
    const change: EndpointHealthChanged = { endpoint, from, to: health, reason }
    this.#listener.onHealthChanged(change)
    channels.endpointHealthChanged.publish(change)
  }

  /** It's back, or new, and cold: unless it's the only one, its share grows step by step. */
  startSlowly(endpoint: Endpoint): void {
    const { slowStart } = this.#settings
    const others = this.#snapshot.candidates.some(other => other !== endpoint)
    if (slowStart.durationMs === 0 || !others) return endpoint.setStartRatio(1)
    endpoint.slowStart = new SlowStart(slowStart, this.#clock.now())
    endpoint.setStartRatio(slowStart.fromRatio)
  }

  /**
   * The endpoint for a request, or null. A half-open one comes first: nobody else brings it back. `repeatable`: the request can be sent
   * elsewhere when it fails there; one that can't is tried there only when there's nobody else. `needsDatabase`: those whose database has room
   * go before the others.
   */
  pick(
    tried: readonly Endpoint[],
    repeatable: boolean,
    hashKey?: HashKey,
    needsDatabase: boolean = false,
  ): Endpoint | null {
    if (this.#onTrial.length > 0) {
      const onTrial = this.#pickOnTrial(tried, repeatable)
      if (onTrial !== null) return onTrial
    }
    if (needsDatabase && this.#databaseParts !== null) {
      const picked = this.#pickForDatabase(this.#databaseParts, tried, hashKey)
      if (picked !== null) return picked
    }
    this.lastKind = this.#panic ? 'panic' : 'picked'
    const picked = this.#settings.picker.pick(this.#snapshot, tried, hashKey)
    return picked === null && this.#onTrial.length > 0 ? this.#pickOnTrial(tried, true) : picked
  }

  #pickForDatabase(parts: DatabaseParts, tried: readonly Endpoint[], hashKey?: HashKey): Endpoint | null {
    const { picker } = this.#settings
    if (++this.#databasePicks >= parts.every) {
      this.#databasePicks = 0
      this.lastKind = 'picked'
      const kept = picker.pick(parts.without, tried, hashKey)
      if (kept !== null) return kept
    }
    this.lastKind = 'database-room'
    return picker.pick(parts.withRoom, tried, hashKey)
  }

  #pickOnTrial(tried: readonly Endpoint[], repeatable: boolean): Endpoint | null {
    const nowMs = this.#clock.now()
    for (const endpoint of this.#onTrial) {
      if (endpoint.activeRequests >= endpoint.maxRequests || tried.includes(endpoint)) continue
      if (!endpoint.circuit.tryProbe(repeatable, nowMs)) continue
      this.lastKind = 'probe'
      return endpoint
    }
    return null
  }

  /** Whether it's one of those that requests are sent to now, be it on trial. */
  takes(endpoint: Endpoint): boolean {
    return this.#snapshot.candidates.includes(endpoint) || this.#onTrial.includes(endpoint)
  }

  /** Whether an endpoint that isn't among `tried` may take a request now. */
  hasOther(tried: readonly Endpoint[]): boolean {
    const isFree = (endpoint: Endpoint) => endpoint.activeRequests < endpoint.maxRequests && !tried.includes(endpoint)
    return (
      this.#snapshot.candidates.some(isFree) ||
      this.#onTrial.some(endpoint => isFree(endpoint) && !endpoint.circuit.isProbing)
    )
  }

  /** Makes the snapshot anew, after anything that it's made of has changed. */
  rebuild(): void {
    const { loadBalancing, panicBelowRatio } = this.#settings
    const ready = [...this.#known.values()].filter(({ administrative }) => administrative === 'ready')
    if (!loadBalancing) {
      this.#onTrial = []
      this.#take(ready.slice(0, 1), false)
      return
    }
    const available = ready.filter(endpoint => endpoint.mayTakeRequests)
    // Those that have never passed a check say nothing about the checks.
    const seen = ready.filter(({ health }) => health !== 'starting')
    const panic = seen.length > 0 && available.length < seen.length * panicBelowRatio
    this.#onTrial = panic ? [] : ready.filter(endpoint => endpoint.wantsProbe)
    this.#take(panic ? seen.filter(({ acceptsConnections }) => acceptsConnections) : available, panic)
  }

  #take(candidates: readonly Endpoint[], panic: boolean): void {
    this.#snapshot = candidates.length === 0 ? EMPTY : createSnapshot(candidates)
    if (candidates.length > 0) this.#everServed = true
    this.#databaseParts = panic ? null : databaseParts(this.#snapshot)
    this.#leftOut = this.endpoints
      .filter(endpoint => !candidates.includes(endpoint))
      .map(endpoint => ({ id: endpoint.id, why: endpoint.unavailableReason ?? 'not the first: balancing is off' }))
    if (panic === this.#panic) return
    this.#panic = panic
    this.#listener.onPanic(panic)
  }
}

function databaseParts(whole: Snapshot<Endpoint>): DatabaseParts | null {
  const without = whole.candidates.filter(({ databaseHasRoom }) => !databaseHasRoom)
  if (without.length === 0 || without.length * 2 > whole.candidates.length) return null
  const withRoom = whole.candidates.filter(({ databaseHasRoom }) => databaseHasRoom)
  return {
    withRoom: createSnapshot(withRoom, whole),
    without: createSnapshot(without, whole),
    every: Math.ceil(weightOf(whole.candidates) / keptWeightOf(without)),
  }
}

/** A tenth of their weights: of those without what their reports have cost them already, so that both together don't leave less. */
function keptWeightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight, reportRatio }) => sum + (KEPT_RATIO * weight) / reportRatio, 0)
}

function weightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0)
}
