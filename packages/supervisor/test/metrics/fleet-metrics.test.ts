// Rounds, deadlines and sums, with members that are scripted and a clock that stands still; at the end the real thing.
import { spawnSync } from 'node:child_process'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import t from 'tap'
import { requireProgram } from '@plimsoll/testing'
import type { WorkerReadyEvent } from '@plimsoll/supervisor'
import { parseFleetFigures } from '../../src/fleet-figures.ts'
import { FleetMetrics } from '../../src/metrics/fleet-metrics.ts'
import { FakeClock } from '../fixture/fake-clock.ts'
import { get, nextEvent, send, startFleet } from '../fixture/fleet.ts'
import { counts, parseText, seriesOf, wentBack } from '../fixture/prometheus-text.ts'

const counter = (value: number): object => ({
  name: 'x_total',
  help: 'X.',
  type: 'counter',
  aggregator: 'sum',
  values: [{ value, labels: { b: '1', a: '2' } }],
})
const xTotal = (text: string): number | undefined => parseText(text).get('x_total{b="1",a="2"}')

/** A fleet of members that note who asked; answers are given by the test. */
function scripted(ids: readonly string[]): { fleet: FleetMetrics; clock: FakeClock; asked: Map<string, number[]> } {
  const clock = new FakeClock()
  const fleet = new FleetMetrics(clock, 1000)
  const asked = new Map<string, number[]>()
  for (const id of ids) {
    asked.set(id, [])
    fleet.add(id, round => asked.get(id)?.push(round))
  }
  return { fleet, clock, asked }
}

await t.test('scrapes at the same time share a round, and the text is the sum', async t => {
  const { fleet, asked } = scripted(['0-1', '1-1'])
  const texts = [fleet.text(), fleet.text(), fleet.text()]
  t.same([...asked.values()], [[1], [1]])
  fleet.received('0-1', 1, [counter(3)])
  fleet.received('1-1', 1, [counter(4)])
  t.same((await Promise.all(texts)).map(xTotal), [7, 7, 7])
  const next = fleet.text()
  t.same(
    [...asked.values()],
    [
      [1, 2],
      [1, 2],
    ],
    'a later one asks again',
  )
  fleet.received('0-1', 2, [counter(5)])
  fleet.received('1-1', 2, [counter(4)])
  t.equal(xTotal(await next), 9)
})

await t.test(
  'who has not answered by the deadline is represented by the last known figures, and is not asked twice',
  async t => {
    const { fleet, clock, asked } = scripted(['0-1', '1-1'])
    const first = fleet.text()
    fleet.received('0-1', 1, [counter(3)])
    fleet.received('1-1', 1, [counter(4)])
    await first

    const second = fleet.text()
    fleet.received('0-1', 2, [counter(10)])
    clock.advance(1000)
    t.equal(xTotal(await second), 14, '4 is what is known of the one that is silent')

    const third = fleet.text()
    t.same(asked.get('1-1'), [1, 2], 'its question of round 2 is still open')
    fleet.received('0-1', 3, [counter(10)])
    fleet.received('1-1', 2, [counter(6)])
    t.equal(xTotal(await third), 16, 'its late answer settles the round')

    fleet.received('1-1', 1, [counter(1)])
    const fourth = fleet.text()
    fleet.failed('0-1')
    fleet.failed('1-1')
    t.equal(xTotal(await fourth), 16, 'an answer to an older question changes nothing, nor does a failure')
  },
)

await t.test('nobody waits for one that is not asked in a round', async t => {
  const { fleet, clock } = scripted(['0-1', '1-1'])
  const first = fleet.text()
  fleet.received('0-1', 1, [counter(3)])
  clock.advance(1000)
  await first
  const second = fleet.text()
  fleet.received('0-1', 2, [counter(4)])
  t.equal(xTotal(await second), 4, 'without a further deadline')
  t.equal(clock.pending, 0)
})

await t.test('who takes the values waits for them no longer than it says, and gets what is known by then', async t => {
  const { fleet, clock } = scripted(['0-1', '1-1'])
  const values = fleet.snapshots(400)
  const text = fleet.text()
  fleet.received('0-1', 1, [counter(3)])
  clock.advance(400)
  t.match(await values, [{ name: 'x_total', values: [{ value: 3 }] }])
  fleet.received('1-1', 1, [counter(4)])
  t.equal(xTotal(await text), 7, 'the round went on for the others')
  t.equal(clock.pending, 0)
})

await t.test('a question that was never answered is asked once more after ten deadlines', async t => {
  const { fleet, clock, asked } = scripted(['0-1'])
  for (const _ of Array.from({ length: 11 })) {
    const text = fleet.text()
    clock.advance(1000)
    await text
  }
  t.same(asked.get('0-1'), [1, 11])
  t.equal(clock.pending, 0)
})

await t.test(
  'what an ended worker had counted stays; its gauges go; labels in another order are the same series',
  async t => {
    const { fleet } = scripted(['0-1', '1-1'])
    const gauge = { name: 'g', help: 'G.', type: 'gauge', aggregator: 'sum', values: [{ value: 5, labels: {} }] }
    fleet.received('0-1', 1, [counter(3), gauge])
    fleet.received('1-1', 1, [counter(4), gauge])
    fleet.remove('0-1')
    fleet.received('0-1', 2, [counter(100)])
    fleet.add('0-2', () => {})
    const reordered = { ...counter(1), values: [{ value: 1, labels: { a: '2', b: '1' } }] }
    fleet.received('0-2', 1, [reordered])
    fleet.remove('0-2')
    const text = fleet.text()
    fleet.received('1-1', 2, [counter(4), gauge])
    const series = parseText(await text)
    t.equal(series.get('x_total{b="1",a="2"}'), 8)
    t.equal(series.get('g'), 5)
    t.equal(series.size, 2)
  },
)

await t.test('the last figures of a worker that drained are exact, whatever round is still open', async t => {
  const { fleet } = scripted(['0-1'])
  const text = fleet.text()
  fleet.received('0-1', null, [counter(9)])
  fleet.remove('0-1')
  t.equal(xTotal(await text), 9)
  t.equal(xTotal(await fleet.text()), 9)
})

await t.test(
  'gauges follow their aggregator, counting metrics are always sums, summaries lose their quantiles',
  async t => {
    const { fleet } = scripted(['0-1', '1-1'])
    for (const [index, id] of ['0-1', '1-1'].entries()) {
      const registry = new Registry()
      const registers = [registry]
      for (const aggregator of ['sum', 'first', 'min', 'max', 'average', 'omit'] as const) {
        new Gauge({ name: `g_${aggregator}`, help: 'G.', aggregator, registers }).set(index === 0 ? 10 : 30)
      }
      new Counter({ name: 'c_total', help: 'C.', aggregator: 'max', registers }).inc(index + 1)
      new Counter({ name: 'c_hidden_total', help: 'C.', aggregator: 'omit', registers }).inc()
      new Histogram({ name: 'h_seconds', help: 'H.', buckets: [1, 2], registers }).observe(index + 0.5)
      new Summary({ name: 's_bytes', help: 'S.', registers }).observe(100)
      fleet.received(id, 1, structuredClone(await registry.getMetricsAsJSON()))
    }
    const text = fleet.text()
    fleet.failed('0-1')
    fleet.failed('1-1')
    t.same(Object.fromEntries(parseText(await text)), {
      g_sum: 40,
      g_first: 10,
      g_min: 10,
      g_max: 30,
      g_average: 20,
      c_total: 3,
      'h_seconds_bucket{le="1"}': 1,
      'h_seconds_bucket{le="2"}': 2,
      'h_seconds_bucket{le="+Inf"}': 2,
      h_seconds_sum: 2,
      h_seconds_count: 2,
      s_bytes_sum: 200,
      s_bytes_count: 2,
    })
  },
)

await t.test(
  "a metric whose type differs between two versions of the program, or is the supervisor's, is left out",
  async t => {
    const { fleet } = scripted(['0-1', '0-2'])
    const asGauge = { ...counter(50), type: 'gauge' }
    const own = { ...counter(1), name: 'supervisor_workers' }
    fleet.received('0-1', 1, [counter(3), own])
    fleet.received('0-2', 1, [asGauge, null, 'x', { name: 'half' }, { ...counter(1), name: 'y', type: 'odd' }])
    const text = fleet.text()
    fleet.failed('0-1')
    fleet.failed('0-2')
    t.same([...parseText(await text)], [['x_total{b="1",a="2"}', 3]])
  },
)

await t.test('for any course of events counters never run backwards', async t => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('count' as const), slot: fc.nat(2), by: fc.nat(100) }),
    fc.record({ kind: fc.constant('answer' as const), slot: fc.nat(2), isStale: fc.boolean() }),
    fc.record({ kind: fc.constant('end' as const), slot: fc.nat(2) }),
    fc.record({ kind: fc.constant('scrape' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 80 }), async events => {
      const clock = new FakeClock()
      const fleet = new FleetMetrics(clock, 1000)
      const slots = [0, 1, 2].map(slot => ({ slot, generation: 1, count: 0, stale: 0, round: 0, staleRound: 0 }))
      const id = ({ slot, generation }: { slot: number; generation: number }): string => `${slot}-${generation}`
      for (const slot of slots) fleet.add(id(slot), round => (slot.round = round))
      let last = 0
      for (const event of events) {
        const slot = slots['slot' in event ? event.slot : 0]
        if (slot === undefined) return false
        if (event.kind === 'count') {
          slot.stale = slot.count
          slot.staleRound = slot.round
          slot.count += event.by
        } else if (event.kind === 'answer') {
          const [value, round] = event.isStale ? [slot.stale, slot.staleRound] : [slot.count, slot.round]
          fleet.received(id(slot), round, [counter(value)])
        } else if (event.kind === 'end') {
          fleet.remove(id(slot))
          Object.assign(slot, { generation: slot.generation + 1, count: 0, stale: 0, round: 0, staleRound: 0 })
          fleet.add(id(slot), round => (slot.round = round))
        } else {
          const text = fleet.text()
          clock.advance(1000)
          const now = xTotal(await text) ?? 0
          if (now < last) return false
          last = now
        }
      }
      return true
    }),
    { numRuns: 200 },
  )
  t.pass('200 courses')
})

await t.test(
  "over a crash and a replacement the fleet's counters only grow, and a replacement loses no count",
  async t => {
    const { supervisor } = await startFleet(t)
    const texts = [await supervisor.metrics()]
    const sendTo = async (worker: number): Promise<void> => {
      const status = supervisor.workers().find(each => each.worker === worker && each.state === 'ready')
      await get(status?.socketPath ?? '', '/')
    }
    const total = (): number | undefined => parseText(texts.at(-1) ?? '').get('fixture_requests_total{path="/"}')

    for (const worker of [0, 0, 0, 1]) await sendTo(worker)
    texts.push(await supervisor.metrics())
    t.equal(total(), 4)

    const crashed = nextEvent('crashed')
    const ready = nextEvent<WorkerReadyEvent>('ready')
    process.kill(supervisor.workers()[0]?.pid ?? 0, 'SIGKILL')
    await crashed
    texts.push(await supervisor.metrics())
    t.equal(total(), 4, 'while it is away')
    await ready
    await sendTo(0)
    texts.push(await supervisor.metrics())
    t.equal(total(), 5, 'when it is back')

    await sendTo(0)
    await sendTo(1)
    await supervisor.replace()
    texts.push(await supervisor.metrics())
    t.equal(total(), 7, 'counts since the last scrape came with the last words')

    for (const [index, text] of texts.entries()) t.same(wentBack(texts[index - 1] ?? '', text), [])
    const series = parseText(texts.at(-1) ?? '')
    t.equal(series.get('fixture_request_seconds_count'), 7)
    t.equal(series.get('fixture_request_seconds_bucket{le="0.1"}'), 7)
    t.equal(series.get('fixture_generation'), 3, 'the greatest of the living')
    t.ok(series.has('fixture_empty_ratio'), 'NaN comes through the channel')
    t.equal(series.get('supervisor_workers{state="ready"}'), 2)
    t.equal(series.get('supervisor_worker_restarts_total{reason="crashed"}'), 1)
    t.equal(series.get('supervisor_worker_restarts_total{reason="replaced"}'), 2)
    t.equal(series.get('supervisor_worker_start_seconds_count'), 5)

    // What a worker is told is what's printed: every count, also those of the processes that are gone.
    const asked = supervisor.workers().find(({ worker }) => worker === 1)
    const fleet = parseFleetFigures(await get(asked?.socketPath ?? '', '/fleet'))
    t.same(counts(seriesOf(fleet?.metrics ?? [])), counts(parseText(await supervisor.metrics())))
    t.match(fleet, { size: { wanted: 2, min: 2, max: 2 }, health: { status: 'ok', ready: 2, workers: 2, reasons: [] } })
    t.same(
      fleet?.workers.map(({ worker, generation, pid, state }) => ({ worker, generation, pid, state })),
      supervisor.workers().map(({ worker, generation, pid, state }) => ({ worker, generation, pid, state })),
    )
    t.notMatch(JSON.stringify(fleet), /\.sock/, 'and no path')
  },
)

await t.test('promtool finds nothing to object to in the text', async t => {
  const promtool = requireProgram(t, 'promtool')
  if (promtool === undefined) return
  const { supervisor } = await startFleet(t)
  await Promise.all(supervisor.workers().map(({ socketPath }) => get(socketPath, '/')))
  const checked = spawnSync(promtool, ['check', 'metrics'], { input: await supervisor.metrics(), encoding: 'utf8' })
  t.match(checked, { status: 0, stdout: '', stderr: '' })
})

await t.test(
  'a worker whose event loop stands still does not hold a scrape, and its last known figures stay in it',
  async t => {
    const { supervisor } = await startFleet(t, { metricsTimeoutMs: 50, stopTimeoutMs: 50, drainTimeoutMs: 50 })
    const paths = supervisor.workers().map(({ socketPath }) => socketPath)
    // On a busy machine the other worker too may need more than one scrape's time to answer.
    const scrapedUntil = async (requests: number): Promise<void> => {
      // Nobody is waited for in a round in which all are busy: answers need a turn to come in.
      while (parseText(await supervisor.metrics()).get('fixture_requests_total{path="/"}') !== requests) await turn()
    }
    await Promise.all(paths.map(path => get(path, '/')))
    await scrapedUntil(2)
    const blocked = send(paths[0] ?? '', '/block')
    blocked.answer.catch(() => {}) // It can't be answered.
    await blocked.arrived
    await get(paths[1] ?? '', '/')
    await scrapedUntil(3)
    t.match(supervisor.workers()[0], { worker: 0, generation: 1, state: 'ready' }, 'it is still there')
  },
)
