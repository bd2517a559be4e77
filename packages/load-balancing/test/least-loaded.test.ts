import fc from 'fast-check'
import t from 'tap'
import { FakeClock, SeededRandom } from '@plimsoll/testing'
import {
  createPicker,
  createSnapshot,
  type LoadReport,
  type Picker,
  type PickerOptions,
  type Snapshot,
} from '../src/index.ts'
import { countPicks, fleet, type Server } from './fleet.ts'

/** A server that would do so many requests per second at full utilization. */
const report = (capacity: number, utilization = 0.5): LoadReport => ({
  utilization,
  requestsPerSecond: capacity * utilization,
  errorsPerSecond: 0,
})

class Fleet {
  readonly clock = new FakeClock({ startMs: 1_000_000 })
  readonly servers: readonly Server[]
  readonly picker: Picker<Server>
  readonly snapshot: Snapshot<Server>

  constructor(weights: readonly number[], options: Partial<PickerOptions> = {}) {
    this.servers = fleet(...weights)
    this.picker = createPicker('least-loaded', { random: new SeededRandom(1), clock: this.clock }, options)
    this.snapshot = createSnapshot(this.servers)
  }

  /** Lets time pass in which the servers report once a second; undefined stays silent. */
  reportFor(seconds: number, reports: readonly (LoadReport | undefined)[]): void {
    for (let second = 0; second < seconds; second++) {
      this.clock.advance(1000)
      for (const [i, given] of reports.entries()) if (given) this.picker.reported(this.servers[i]!, given)
    }
  }

  /** Requests in flight of each after so many picks without an end, as ratios. */
  loads(): number[] {
    const picks = 600
    for (let i = 0; i < picks; i++) this.picker.pick(this.snapshot, [])!.activeRequests++
    const loads = this.servers.map(server => server.activeRequests / picks)
    for (const server of this.servers) server.activeRequests = 0
    return loads
  }
}

const close = (loads: readonly number[], expected: readonly number[]): boolean =>
  loads.every((load, i) => Math.abs(load - expected[i]!) < 0.02)

await t.test('requests go by reported capacity, between a tenth and twice of the median', async t => {
  const fleet = new Fleet([1, 1, 1, 1])
  fleet.reportFor(12, [report(100), report(100), report(150), report(50)])
  t.ok(close(fleet.loads(), [0.25, 0.25, 0.375, 0.125]))
  const absurd = new Fleet([1, 1, 1, 1])
  absurd.reportFor(12, [report(100), report(100), report(1e12), report(1e-9)])
  t.ok(
    close(
      absurd.loads(),
      [1, 1, 2, 0.1].map(part => part / 4.1),
    ),
    'one absurd report takes no more than that',
  )
})

await t.test(
  'how busy a server is says nothing by itself: half as busy with half the requests is the same',
  async t => {
    const fleet = new Fleet([1, 1, 1])
    fleet.reportFor(12, [report(100, 0.9), report(100, 0.1), report(100, 1.5)])
    t.ok(close(fleet.loads(), [1 / 3, 1 / 3, 1 / 3]))
  },
)

await t.test('reported capacity multiplies the weight', async t => {
  const fleet = new Fleet([3, 1, 1])
  fleet.reportFor(12, [report(100), report(200), report(100)])
  t.ok(close(fleet.loads(), [3 / 6, 2 / 6, 1 / 6]))
})

await t.test('errors count as utilization', async t => {
  const failing = { utilization: 0.5, requestsPerSecond: 50, errorsPerSecond: 25 }
  const fleet = new Fleet([1, 1, 1])
  fleet.reportFor(12, [report(100), report(100), failing])
  t.ok(close(fleet.loads(), [0.4, 0.4, 0.2]))
  const without = new Fleet([1, 1, 1], { reportErrorPenalty: 0 })
  without.reportFor(12, [report(100), report(100), failing])
  t.ok(close(without.loads(), [1 / 3, 1 / 3, 1 / 3]))
})

await t.test('a new server counts as the median until it has reported for ten seconds', async t => {
  const fleet = new Fleet([1, 1, 1])
  fleet.reportFor(12, [report(100), report(100), undefined])
  fleet.reportFor(9, [report(100), report(100), report(10)])
  t.ok(close(fleet.loads(), [1 / 3, 1 / 3, 1 / 3]))
  fleet.reportFor(3, [report(100), report(100), report(10)])
  t.ok(
    close(
      fleet.loads(),
      [1, 1, 0.1].map(part => part / 2.1),
    ),
  )
})

await t.test(
  'one that falls silent counts as the median after five seconds, and starts anew when it speaks again',
  async t => {
    const fleet = new Fleet([1, 1, 1])
    fleet.reportFor(12, [report(100), report(100), report(200)])
    fleet.reportFor(4, [report(100), report(100), undefined])
    t.ok(close(fleet.loads(), [0.25, 0.25, 0.5]), 'still believed')
    fleet.reportFor(3, [report(100), report(100), undefined])
    t.ok(close(fleet.loads(), [1 / 3, 1 / 3, 1 / 3]), 'forgotten')
    fleet.reportFor(5, [report(100), report(100), report(200)])
    t.ok(close(fleet.loads(), [1 / 3, 1 / 3, 1 / 3]), 'not believed yet')
    fleet.reportFor(7, [report(100), report(100), report(200)])
    t.ok(close(fleet.loads(), [0.25, 0.25, 0.5]), 'believed again')
  },
)

await t.test('with fewer than two that report it is least connections, which looks at all', async t => {
  const fleet = new Fleet([1, 1, 1])
  const [a, b, c] = fleet.servers as [Server, Server, Server]
  a.activeRequests = 1
  b.activeRequests = 2
  c.activeRequests = 3
  t.equal(countPicks(fleet.picker, fleet.snapshot, 100).get(a), 100)
  fleet.reportFor(20, [report(1), undefined, undefined])
  t.equal(countPicks(fleet.picker, fleet.snapshot, 100).get(a), 100)
  fleet.reportFor(20, [report(1), report(100), undefined])
  t.equal(countPicks(fleet.picker, fleet.snapshot, 100).get(b), 100, 'with two of them the shares count')
})

await t.test('idle servers are used by their shares', async t => {
  const fleet = new Fleet([1, 1, 1])
  fleet.reportFor(12, [report(100), report(50), report(100)])
  const counts = fleet.servers.map(server => countPicks(fleet.picker, fleet.snapshot, 300).get(server) ?? 0)
  t.ok(counts[1]! < counts[0]! * 0.75, `the slower one got ${counts.join(', ')}`)
})

await t.test('above the limit of comparisons two at random are compared, by the same shares', async t => {
  const fleet = new Fleet([1, 1, 1, 1], { scanLimit: 3 })
  fleet.reportFor(12, [report(100), report(100), report(150), report(50)])
  t.ok(close(fleet.loads(), [0.25, 0.25, 0.375, 0.125]))
  const [a] = fleet.servers as [Server]
  a.activeRequests = -1
  t.ok(countPicks(fleet.picker, fleet.snapshot, 100).get(a)! < 90, 'the least busy one is not always among the two')
})

await t.test('what was known before a silence is forgotten, also when it comes back idle', async t => {
  const fleet = new Fleet([1, 1, 1])
  const idle = { utilization: 0.001, requestsPerSecond: 0, errorsPerSecond: 0 }
  fleet.reportFor(12, [report(100), report(100), report(20)])
  fleet.reportFor(10, [report(100), report(100), undefined])
  fleet.reportFor(12, [report(100), report(100), idle])
  t.ok(close(fleet.loads(), [1 / 3, 1 / 3, 1 / 3]))
})

await t.test('an idle server is still heard, and what was known of it stands', async t => {
  const fleet = new Fleet([1, 1])
  const idle = { utilization: 0.001, requestsPerSecond: 0, errorsPerSecond: 0 }
  fleet.reportFor(12, [report(100), report(300)])
  fleet.reportFor(30, [idle, idle])
  t.ok(close(fleet.loads(), [0.25, 0.75]))
})

await t.test('reports are smoothed: a single odd one among many hardly counts', async t => {
  const fleet = new Fleet([1, 1])
  fleet.reportFor(12, [report(100), report(100)])
  fleet.clock.advance(20)
  fleet.picker.reported(fleet.servers[0]!, report(1000))
  fleet.clock.advance(1000)
  t.ok(close(fleet.loads(), [0.54, 0.46]))
})

await t.test('nothing that a server may say takes all traffic from another one', async () => {
  const any = fc.double({ min: -1, max: 1e300 })
  const reports = fc.record({ utilization: any, requestsPerSecond: any, errorsPerSecond: any })
  fc.assert(
    fc.property(fc.array(reports, { minLength: 3, maxLength: 3 }), said => {
      const fleet = new Fleet([1, 1, 1])
      fleet.reportFor(12, said)
      return fleet.loads().every(load => load > 0.02)
    }),
    { numRuns: 50 },
  )
})

await t.test('two balancers with the same stale reports do not send everything to the same server', async t => {
  const fleet = new Fleet([1, 1, 1, 1])
  fleet.reportFor(12, [report(100, 0.9), report(100, 0.8), report(100, 0.7), report(101, 0.1)])
  const sources = { random: new SeededRandom(2), clock: fleet.clock }
  const other = createPicker<Server>('least-loaded', sources)
  for (let i = 0; i < 100; i++) {
    fleet.picker.pick(fleet.snapshot, [])!.activeRequests++
    other.pick(fleet.snapshot, [])!.activeRequests++
  }
  const most = Math.max(...fleet.servers.map(server => server.activeRequests))
  t.ok(most < 60, `${most} of 200`)
})

await t.test(
  'a part of the list has the shares of the whole, and to go to and fro between both works out nothing anew',
  async t => {
    const fleet = new Fleet([1, 1, 1])
    fleet.reportFor(12, [report(100), report(100), report(50)])
    const [, b, c] = fleet.servers as [Server, Server, Server]
    const part = createSnapshot([b, c], fleet.snapshot)
    fleet.picker.pick(part, [])
    t.same([b.pick.share, c.pick.share], [1, 0.5], 'not by the median of the two')
    fleet.clock.advance(500)
    fleet.picker.reported(c, report(1000))
    for (const snapshot of [fleet.snapshot, part, fleet.snapshot, part]) fleet.picker.pick(snapshot, [])
    t.equal(c.pick.share, 0.5, 'what was worked out still holds')
    fleet.picker.pick(createSnapshot([b, c]), [])
    t.not(c.pick.share, 0.5, 'another list is another matter')
  },
)

await t.test('a weight that was lowered by the same reports already is not lowered below a tenth with it', async t => {
  for (const [reportRatio, share] of [
    [1, 0.1],
    [0.5, 0.2],
    [0.1, 1],
  ] as const) {
    const fleet = new Fleet([1, 1, 1])
    const [a] = fleet.servers as [Server]
    Object.assign(a, { reportRatio, weight: reportRatio })
    fleet.reportFor(12, [report(1), report(100), report(100)])
    fleet.picker.pick(fleet.snapshot, [])
    t.ok(Math.abs(a.pick.share - share) < 1e-9, `${reportRatio}: ${a.pick.share}`)
  }
})
