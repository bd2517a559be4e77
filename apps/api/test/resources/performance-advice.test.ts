// Rules over scripted snapshots: each is silent just before its limit, and speaks at it, with the figure and the limit as its evidence.
import t from 'tap'
import fc from 'fast-check'
import { Value } from 'typebox/value'
import { recommend, RULES } from '../../src/resources/performance/advice/recommend.ts'
import { AREAS, Recommendation, SEVERITIES } from '../../src/resources/performance/advice/schema.ts'
import type { Snapshot } from '../../src/resources/performance/advice/snapshot.ts'

const MIB = 2 ** 20
const DAY_S = 86_400

const pool = {
  route: 'main',
  isAvailable: true,
  isCircuitOpen: false,
  waiting: 0,
  saturationRatio: 0.1,
  acquired: 100_000,
  refused: 0,
  waitP99Ms: 1,
}
const server = {
  since: new Date(0),
  ageS: 30 * DAY_S,
  replicas: 0,
  buffers: { hits: 999_000, reads: 1000 },
  indexes: [{ name: 'idx_used', table: 'courses', scans: 1, bytes: 100 * MIB, rows: 1_000_000 }],
  tables: [{ name: 'courses', rows: 1_000_000, sequentialScans: 5, sequentialRows: 5_000_000, indexScans: 1_000_000 }],
}

/** A service that's busy, and well. */
const WELL: Snapshot = {
  fleet: { ready: 4, workers: 4, crashLoops: 0 },
  requests: { total: 1_000_000, errors: 10 },
  isDatabaseUp: true,
  pools: [pool],
  connections: { used: 30, limit: 100 },
  statements: [{ name: 'courses.list', count: 50_000, averageMs: 2, p99Ms: 9 }],
  server,
  memory: { pressureLevel: 0, nearestLimitRatio: 0.5, limitInS: Number.POSITIVE_INFINITY },
  leaks: [],
  loops: [
    { worker: 0, utilisationRatio: 0.4 },
    { worker: 1, utilisationRatio: 0.5 },
  ],
  loopDelayP99Ms: 12,
  namespaces: [{ name: 'courses', hits: 95_000, misses: 5000 }],
  cache: { tiersDown: [], workersOutOfTouch: 0 },
}

const withPool = (change: Partial<typeof pool>): Partial<Snapshot> => ({ pools: [{ ...pool, ...change }] })
const withServer = (change: Partial<typeof server>): Partial<Snapshot> => ({ server: { ...server, ...change } })
const unused = (change: object = {}) => [
  { name: 'idx_old', table: 'users', scans: 0, bytes: MIB, rows: 500, ...change },
]
const scanned = (change: object = {}) => [
  { name: 'blogs', rows: 10_000, sequentialScans: 100, sequentialRows: 1_000_000, indexScans: 900, ...change },
]
const statement = (change: object = {}) => [{ name: 'blogs.list', count: 100, averageMs: 20, p99Ms: 100, ...change }]

interface Case {
  readonly id: string
  readonly severity: (typeof SEVERITIES)[number]
  /** Snapshots that differ from those in which it speaks by as little as possible. */
  readonly silent: readonly Partial<Snapshot>[]
  readonly speaks: Partial<Snapshot>
  /** Value and limit of the first figure. */
  readonly evidence: readonly [value: number, limit: number]
}

const CASES: readonly Case[] = [
  {
    id: 'workers-not-ready',
    severity: 'warning',
    silent: [{ fleet: { ready: 4, workers: 4, crashLoops: 0 } }],
    speaks: { fleet: { ready: 3, workers: 4, crashLoops: 0 } },
    evidence: [3, 4],
  },
  {
    id: 'workers-not-ready',
    severity: 'critical',
    silent: [],
    speaks: { fleet: { ready: 0, workers: 4, crashLoops: 0 } },
    evidence: [0, 4],
  },
  {
    id: 'crash-loop',
    severity: 'critical',
    silent: [{ fleet: { ready: 4, workers: 4, crashLoops: 0 } }],
    speaks: { fleet: { ready: 4, workers: 4, crashLoops: 1 } },
    evidence: [1, 1],
  },
  {
    id: 'error-rate',
    severity: 'warning',
    silent: [
      { requests: { total: 1000, errors: 9 } },
      { requests: { total: 999, errors: 500 } },
      { requests: { total: 0, errors: 0 } },
    ],
    speaks: { requests: { total: 1000, errors: 10 } },
    evidence: [0.01, 0.01],
  },
  {
    id: 'error-rate',
    severity: 'critical',
    silent: [],
    speaks: { requests: { total: 1000, errors: 100 } },
    evidence: [0.1, 0.01],
  },
  {
    id: 'database-down',
    severity: 'critical',
    silent: [{ isDatabaseUp: true }],
    speaks: { isDatabaseUp: false },
    evidence: [0, 0],
  },
  {
    id: 'route-away:main',
    severity: 'critical',
    silent: [withPool({ isAvailable: true })],
    speaks: withPool({ isAvailable: false }),
    evidence: [0, 0],
  },
  {
    id: 'route-away:pooled',
    severity: 'warning',
    silent: [],
    speaks: {
      pools: [
        { ...pool, route: 'pooled', isAvailable: false },
        { ...pool, route: 'direct' },
      ],
    },
    evidence: [0, 0],
  },
  {
    id: 'circuit-open:main',
    severity: 'warning',
    silent: [withPool({ isCircuitOpen: false })],
    speaks: withPool({ isCircuitOpen: true }),
    evidence: [1, 1],
  },
  {
    id: 'pool-queue:main',
    severity: 'warning',
    silent: [withPool({ waiting: 9 })],
    speaks: withPool({ waiting: 10 }),
    evidence: [10, 10],
  },
  {
    id: 'pool-saturation:main',
    severity: 'advice',
    silent: [withPool({ saturationRatio: 0.899 })],
    speaks: withPool({ saturationRatio: 0.9 }),
    evidence: [0.9, 0.9],
  },
  {
    id: 'pool-refusals:main',
    severity: 'warning',
    silent: [
      withPool({ acquired: 9991, refused: 9 }),
      withPool({ acquired: 10_000, refused: 10 }),
      withPool({ acquired: 0, refused: 9 }),
    ],
    speaks: withPool({ acquired: 9990, refused: 10 }),
    evidence: [0.001, 0.001],
  },
  {
    id: 'pool-waits:main',
    severity: 'advice',
    silent: [withPool({ acquired: 1000, waitP99Ms: 49.9 }), withPool({ acquired: 999, waitP99Ms: 5000 })],
    speaks: withPool({ acquired: 1000, waitP99Ms: 50 }),
    evidence: [50, 50],
  },
  {
    id: 'connection-budget',
    severity: 'warning',
    silent: [{ connections: { used: 79, limit: 100 } }, { connections: null }, { connections: { used: 0, limit: 0 } }],
    speaks: { connections: { used: 80, limit: 100 } },
    evidence: [0.8, 0.8],
  },
  {
    id: 'connection-budget',
    severity: 'critical',
    silent: [],
    speaks: { connections: { used: 100, limit: 100 } },
    evidence: [1, 0.8],
  },
  {
    id: 'slow-statement:blogs.list',
    severity: 'warning',
    silent: [{ statements: statement({ p99Ms: 99.9 }) }, { statements: statement({ count: 99 }) }],
    speaks: { statements: statement() },
    evidence: [100, 100],
  },
  {
    id: 'buffer-hits',
    severity: 'advice',
    silent: [
      withServer({ buffers: { hits: 95_000, reads: 5000 } }),
      withServer({ buffers: { hits: 0, reads: 99_999 } }),
      withServer({ buffers: { hits: 0, reads: 0 } }),
      { server: null },
    ],
    speaks: withServer({ buffers: { hits: 94_990, reads: 5010 } }),
    evidence: [0.9499, 0.95],
  },
  {
    id: 'memory-pressure',
    severity: 'warning',
    silent: [
      { memory: { pressureLevel: 0, nearestLimitRatio: 0.749, limitInS: Number.POSITIVE_INFINITY } },
      { memory: null },
    ],
    speaks: { memory: { pressureLevel: 1, nearestLimitRatio: 0.76, limitInS: Number.POSITIVE_INFINITY } },
    evidence: [1, 1],
  },
  {
    id: 'memory-pressure',
    severity: 'critical',
    silent: [],
    speaks: { memory: { pressureLevel: 2, nearestLimitRatio: 0.86, limitInS: Number.POSITIVE_INFINITY } },
    evidence: [2, 1],
  },
  {
    id: 'memory-limit-ahead',
    severity: 'warning',
    silent: [{ memory: { pressureLevel: 0, nearestLimitRatio: 0.5, limitInS: 6 * 3600 + 1 } }, { memory: null }],
    speaks: { memory: { pressureLevel: 0, nearestLimitRatio: 0.5, limitInS: 6 * 3600 } },
    evidence: [21_600, 21_600],
  },
  {
    id: 'leak:worker-2',
    severity: 'warning',
    silent: [{ leaks: [] }],
    speaks: { leaks: [{ worker: 2, slopeMibPerMinute: 3, timeToLimitS: 600, asksToBeReplaced: true }] },
    evidence: [1, 1],
  },
  {
    id: 'busy-event-loops',
    severity: 'warning',
    silent: [{ loops: [{ worker: 0, utilisationRatio: 0.849 }] }, { loops: [] }],
    speaks: {
      loops: [
        { worker: 0, utilisationRatio: 0.85 },
        { worker: 1, utilisationRatio: 0.1 },
      ],
    },
    evidence: [0.85, 0.85],
  },
  {
    id: 'event-loop-delay',
    severity: 'warning',
    silent: [{ loopDelayP99Ms: 99.9 }, { loopDelayP99Ms: null }],
    speaks: { loopDelayP99Ms: 100 },
    evidence: [100, 100],
  },
  {
    id: 'cache-hits:blogs',
    severity: 'advice',
    silent: [
      { namespaces: [{ name: 'blogs', hits: 800, misses: 200 }] },
      { namespaces: [{ name: 'blogs', hits: 0, misses: 999 }] },
      { namespaces: [{ name: 'blogs', hits: 0, misses: 0 }] },
    ],
    speaks: { namespaces: [{ name: 'blogs', hits: 799, misses: 201 }] },
    evidence: [0.799, 0.8],
  },
  {
    id: 'cache-tier-down:far',
    severity: 'warning',
    silent: [{ cache: { tiersDown: [], workersOutOfTouch: 0 } }],
    speaks: { cache: { tiersDown: ['far'], workersOutOfTouch: 0 } },
    evidence: [1, 1],
  },
  {
    id: 'cache-out-of-touch',
    severity: 'warning',
    silent: [{ cache: { tiersDown: [], workersOutOfTouch: 0 } }],
    speaks: { cache: { tiersDown: [], workersOutOfTouch: 1 } },
    evidence: [1, 1],
  },
  {
    id: 'unused-index:idx_old',
    severity: 'advice',
    silent: [
      withServer({ indexes: unused({ scans: 1 }) }),
      withServer({ indexes: unused({ bytes: MIB - 1 }) }),
      withServer({ indexes: unused(), ageS: 7 * DAY_S - 1 }),
      withServer({ indexes: unused(), replicas: 1 }),
      { server: null },
    ],
    speaks: withServer({ indexes: unused(), ageS: 7 * DAY_S }),
    evidence: [7 * DAY_S, 7 * DAY_S],
  },
  {
    id: 'sequential-scans:blogs',
    severity: 'advice',
    silent: [
      withServer({ tables: scanned({ indexScans: 901 }) }),
      withServer({ tables: scanned({ rows: 9999 }) }),
      withServer({ tables: scanned({ sequentialScans: 99, indexScans: 0 }) }),
      withServer({ tables: scanned({ sequentialScans: 0, indexScans: 0 }) }),
    ],
    speaks: withServer({ tables: scanned() }),
    evidence: [0.1, 0.1],
  },
]

const ids = (snapshot: Partial<Snapshot>) => recommend({ ...WELL, ...snapshot }).map(({ id }) => id)

await t.test('a service that is well gets nothing', t => {
  t.same(ids({}), [])
  t.end()
})

await t.test('each rule speaks at its limit, and not before it', t => {
  for (const { id, severity, silent, speaks, evidence } of CASES) {
    for (const snapshot of silent) t.same(ids(snapshot), [], `${id} is silent: ${JSON.stringify(snapshot)}`)
    const [only, ...others] = recommend({ ...WELL, ...speaks })
    t.same(others, [], `only ${id}`)
    t.match(only, { id, severity, evidence: [{ value: evidence[0], limit: evidence[1] }] })
    t.ok(Value.Check(Recommendation, only), `${id} is of the documented form`)
  }
  t.equal(new Set(CASES.map(({ id }) => id.replace(/:.*/, ''))).size, RULES.length, 'no rule without a case')
  t.end()
})

await t.test('the order depends on importance alone', t => {
  const all = CASES.reduce<Partial<Snapshot>>((sum, { speaks }) => ({ ...sum, ...speaks }), {})
  const found = recommend({
    ...WELL,
    ...all,
    pools: [
      { ...pool, route: 'b', waiting: 50 },
      { ...pool, route: 'a', waiting: 50, isCircuitOpen: true },
    ],
    memory: { pressureLevel: 3, nearestLimitRatio: 0.97, limitInS: 60 },
    server: { ...server, indexes: unused(), tables: scanned() },
  })
  const rank = ({ severity, area }: Recommendation) => SEVERITIES.indexOf(severity) * 100 + AREAS.indexOf(area)
  const ranks = found.map(rank)
  t.same(
    ranks,
    ranks.toSorted((a, b) => a - b),
  )
  t.ok(found.length > 12)
  t.same(
    found.map(({ id }) => id).filter(id => id.startsWith('pool-queue')),
    ['pool-queue:a', 'pool-queue:b'],
  )
  t.equal(new Set(found.map(({ id }) => id)).size, found.length, 'no id twice')
  t.end()
})

await t.test(
  'whatever the figures are, all that is said has evidence that has reached its limit, and is of the form',
  t => {
    const count = fc.nat(100_000)
    const ratio = fc.double({ min: 0, max: 1, noNaN: true })
    const ms = fc.double({ min: 0, max: 10_000, noNaN: true })
    const name = fc.constantFrom('a', 'b', 'c')
    const unique = <Item extends object>(item: fc.Arbitrary<Item>, key: keyof Item) =>
      fc.uniqueArray(item, { selector: each => each[key], maxLength: 3 })
    const snapshot: fc.Arbitrary<Snapshot> = fc.record({
      fleet: fc.record({ ready: fc.nat(4), workers: fc.nat(4), crashLoops: fc.nat(2) }),
      requests: fc.record({ total: count, errors: count }),
      isDatabaseUp: fc.boolean(),
      pools: unique(
        fc.record({
          route: name,
          isAvailable: fc.boolean(),
          isCircuitOpen: fc.boolean(),
          waiting: fc.nat(30),
          saturationRatio: ratio,
          acquired: count,
          refused: count,
          waitP99Ms: ms,
        }),
        'route',
      ),
      connections: fc.option(fc.record({ used: fc.nat(100), limit: fc.nat(100) })),
      statements: unique(fc.record({ name, count, averageMs: ms, p99Ms: ms }), 'name'),
      server: fc.option(
        fc.record({
          since: fc.constant(new Date(0)),
          ageS: fc.nat(30 * DAY_S),
          replicas: fc.nat(1),
          buffers: fc.record({ hits: count, reads: count }),
          indexes: unique(
            fc.record({ name, table: name, scans: fc.nat(1), bytes: fc.nat(4 * MIB), rows: count }),
            'name',
          ),
          tables: unique(
            fc.record({ name, rows: count, sequentialScans: count, sequentialRows: count, indexScans: count }),
            'name',
          ),
        }),
      ),
      memory: fc.option(
        fc.record({
          pressureLevel: fc.nat(3),
          nearestLimitRatio: fc.double({ min: 0, max: 2, noNaN: true }),
          limitInS: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(100_000)),
        }),
      ),
      leaks: unique(
        fc.record({
          worker: fc.nat(3),
          slopeMibPerMinute: fc.option(ms),
          timeToLimitS: fc.option(ms),
          asksToBeReplaced: fc.boolean(),
        }),
        'worker',
      ),
      loops: unique(fc.record({ worker: fc.nat(3), utilisationRatio: ratio }), 'worker'),
      loopDelayP99Ms: fc.option(ms),
      namespaces: unique(fc.record({ name, hits: count, misses: count }), 'name'),
      cache: fc.record({ tiersDown: fc.uniqueArray(name), workersOutOfTouch: fc.nat(2) }),
    })
    fc.assert(
      fc.property(snapshot, figures => {
        const found = recommend(figures)
        const isSaid = found.every(
          each => Value.Check(Recommendation, each) && each.evidence.some(({ limit }) => limit !== null),
        )
        return isSaid && new Set(found.map(({ id }) => id)).size === found.length
      }),
      { numRuns: 300 },
    )
    t.end()
  },
)
