// Candidates for tests, and what tests ask of a picker.
import { type Candidate, type HashKey, type Picker, PickState, type Snapshot } from '../src/index.ts'

/** A candidate whose numbers a test may change at any time. */
export class Server implements Candidate {
  readonly id: string
  weight: number
  activeRequests: number
  maxRequests: number
  readonly pick = new PickState()

  constructor(id: string, { weight = 1, activeRequests = 0, maxRequests = Infinity }: Partial<Server> = {}) {
    this.id = id
    this.weight = weight
    this.activeRequests = activeRequests
    this.maxRequests = maxRequests
  }
}

/** Servers named a, b, ... (or s0, s1, ... beyond z), one per weight. */
export function fleet(...weights: readonly number[]): Server[] {
  const nameOf = (index: number): string => (weights.length > 26 ? `s${index}` : String.fromCharCode(97 + index))
  return weights.map((weight, index) => new Server(nameOf(index), { weight }))
}

/** So many servers of one weight. */
export function equalFleet(count: number, weight = 1): Server[] {
  return fleet(...Array.from({ length: count }, () => weight))
}

/** A whole walk: every candidate in the order in which a request that always fails would try them. */
export function walk(picker: Picker<Server>, snapshot: Snapshot<Server>, hashKey?: HashKey): Server[] {
  const tried: Server[] = []
  for (;;) {
    const server = picker.pick(snapshot, tried, hashKey)
    if (server === null) return tried
    tried.push(server)
    if (tried.length > snapshot.candidates.length) throw new Error(`${server.id} was given twice`)
  }
}

/** Ids of the next `count` picks of requests that end at once. */
export function pickIds(picker: Picker<Server>, snapshot: Snapshot<Server>, count: number): string[] {
  return Array.from({ length: count }, () => picker.pick(snapshot, [])?.id ?? '-')
}

/** How often each was among the next `count` picks of requests that end at once. */
export function countPicks(picker: Picker<Server>, snapshot: Snapshot<Server>, count: number): Map<Server, number> {
  const counts = new Map(snapshot.candidates.map(server => [server, 0]))
  for (let i = 0; i < count; i++) {
    const server = picker.pick(snapshot, [])
    if (server !== null) counts.set(server, (counts.get(server) ?? 0) + 1)
  }
  return counts
}
