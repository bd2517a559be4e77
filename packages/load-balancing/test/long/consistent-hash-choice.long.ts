// Why the consistent hash is rendezvous: a ring and Maglev's table beside it, on the same keys with the same hash functions.
//
// A claim that doesn't hold ends it with exit code 1: rendezvous spreads as evenly as chance, and moves no key that needn't.
import { createPicker, createSnapshot, type Picker } from '../../src/index.ts'
import { hashOfKey, hashText } from '../../src/hash.ts'
import { equalFleet, Server } from '../fleet.ts'

const KEYS = 500_000
const RING_POINTS = 160
const MAGLEV_ENTRIES = 65_537
/** Standard deviations: of 256 candidates the busiest is expected at about 2.8. */
const CHANCE = 5

interface Lookup {
  /** Index of the candidate for a key. */
  (key: number): number
}

interface Contender {
  readonly name: string
  build(servers: readonly Server[]): Lookup
}

const rendezvous: Contender = {
  name: 'rendezvous',
  build(servers) {
    const snapshot = createSnapshot(servers)
    const sources = { random: { next: () => 0 }, clock: { now: () => 0 } }
    const picker: Picker<Server> = createPicker('consistent-hash', sources, { hashLoadFactor: Infinity })
    const indexes = new Map(servers.map((server, index) => [server.id, index]))
    return key => indexes.get(picker.pick(snapshot, [], key)?.id ?? '') ?? -1
  },
}

/** Ketama's: points on a circle of 32 bits, as many as weight says, and a key belongs to the next one. */
const ring: Contender = {
  name: 'ring',
  build(servers) {
    const points = servers.flatMap(({ id, weight }, index) =>
      Array.from({ length: Math.round(RING_POINTS * weight) }, (_, i) => ({
        at: hashText(`${id}-${i}`, 1) >>> 0,
        index,
      })),
    )
    points.sort((a, b) => a.at - b.at)
    const places = Uint32Array.from(points, ({ at }) => at)
    const owners = Uint16Array.from(points, ({ index }) => index)
    return key => {
      const hash = hashOfKey(key, 0) >>> 0
      let low = 0
      let high = places.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((places[middle] as number) < hash) low = middle + 1
        else high = middle
      }
      return owners[low === places.length ? 0 : low] as number
    }
  },
}

/** Eisenbud et al., 2016, 3.4: each takes its next preferred free entry in turn; weights by skipping turns. */
const maglev: Contender = {
  name: 'maglev',
  build(servers) {
    const heaviest = Math.max(...servers.map(({ weight }) => weight))
    const preferences = servers.map(({ id, weight }) => ({
      offset: (hashText(id, 1) >>> 0) % MAGLEV_ENTRIES,
      skip: ((hashText(id, 2) >>> 0) % (MAGLEV_ENTRIES - 1)) + 1,
      step: 0,
      turns: 0,
      weight: weight / heaviest,
    }))
    const table = new Int16Array(MAGLEV_ENTRIES).fill(-1)
    for (let filled = 0; filled < MAGLEV_ENTRIES;) {
      for (const [index, preference] of preferences.entries()) {
        preference.turns += preference.weight
        if (preference.turns < 1 || filled === MAGLEV_ENTRIES) continue
        preference.turns--
        let entry = 0
        do entry = (preference.offset + preference.skip * preference.step++) % MAGLEV_ENTRIES
        while (table[entry] !== -1)
        table[entry] = index
        filled++
      }
    }
    return key => table[(hashOfKey(key, 0) >>> 0) % MAGLEV_ENTRIES] as number
  },
}

interface Figures {
  readonly name: string
  readonly servers: number
  /** Largest and least share of a candidate, relative to what its weight says. */
  readonly most: number
  readonly least: number
  /** Ratio of keys that moved though their candidate stayed, when one left. */
  readonly movedByLeaving: number
  /** Ratio of keys that moved between other candidates when one's weight fell to a tenth. */
  readonly movedByWeight: number
  readonly buildUs: number
  readonly lookupNs: number
}

function measure(contender: Contender, servers: readonly Server[]): Figures {
  const buildStartedMs = performance.now()
  const lookup = contender.build(servers)
  const buildUs = (performance.now() - buildStartedMs) * 1000
  const lookupStartedMs = performance.now()
  const owners = ownersOf(lookup)
  const lookupNs = ((performance.now() - lookupStartedMs) / KEYS) * 1e6
  const shares = new Float64Array(servers.length)
  for (const owner of owners) shares[owner] = (shares[owner] ?? 0) + servers.length / KEYS

  const last = servers.length - 1
  const left = ownersOf(contender.build(servers.slice(0, -1)))
  const lighter = ownersOf(
    contender.build(servers.with(last, new Server((servers[last] as Server).id, { weight: 0.1 }))),
  )
  return {
    name: contender.name,
    servers: servers.length,
    most: Math.max(...shares),
    least: Math.min(...shares),
    movedByLeaving: needlessMoves(owners, left, last),
    movedByWeight: needlessMoves(owners, lighter, last),
    buildUs,
    lookupNs,
  }
}

function ownersOf(lookup: Lookup): Int16Array {
  return Int16Array.from({ length: KEYS }, (_, key) => lookup(key))
}

/** Ratio of the keys that weren't the changed candidate's and are somebody else's now. */
function needlessMoves(before: Int16Array, after: Int16Array, changed: number): number {
  return before.filter((owner, key) => owner !== changed && after[key] !== owner).length / KEYS
}

const heading = ['', 'servers', 'most', 'least', 'moved by leaving', 'moved by weight', 'build µs', 'lookup ns']
const rows = [heading.join(' | ')]
let wrong = 0
for (const count of [4, 16, 64, 256]) {
  const servers = equalFleet(count)
  for (const contender of [rendezvous, ring, maglev]) {
    const figures = measure(contender, servers)
    const { name, most, least, movedByLeaving, movedByWeight, buildUs, lookupNs } = figures
    const percents = [movedByLeaving, movedByWeight].map(ratio => `${(ratio * 100).toFixed(2)} %`)
    rows.push(
      [name, count, most.toFixed(2), least.toFixed(2), ...percents, buildUs.toFixed(0), lookupNs.toFixed(0)].join(
        ' | ',
      ),
    )
    const chance = CHANCE * Math.sqrt(count / KEYS)
    const holds = movedByLeaving === 0 && movedByWeight === 0 && most < 1 + chance && least > 1 - chance
    if (contender === rendezvous && !holds) wrong++
  }
}
process.stdout.write(`${rows.join('\n')}\n`)
process.exitCode = wrong === 0 ? 0 : 1
