// What a worker takes for figures of its fleet: all of the form, or nothing.
import fc from 'fast-check'
import t from 'tap'
import type { WorkerStatus } from '@plimsoll/supervisor'
import { fleetFigures, parseFleetFigures } from '../src/fleet-figures.ts'

const status: WorkerStatus = {
  worker: 0,
  generation: 3,
  pid: 100,
  state: 'unready',
  onProbation: false,
  retiring: false,
  unreadyReason: 'no database',
  utilization: 0.5,
  reportAgeMs: 1000,
  recycleRequested: { reason: 'leak', detail: '3 MiB/min', sinceMs: 5 },
  socketPath: '/run/x/0-3.sock',
  startedAtMs: 1000,
  uptimeMs: 50,
  restarts: 2,
  crashLoop: false,
  recentCrashes: 0,
  lastExit: { code: 1, signal: null, atMs: 0, reason: 'crashed' },
}
const waiting: WorkerStatus = { ...status, worker: 1, pid: null, state: 'backing-off', recycleRequested: null }
const metric = { name: 'x_total', help: 'X.', type: 'counter' as const, aggregator: 'sum' as const, values: [] }
const figures = fleetFigures(1050, { wanted: 2, min: 1, max: 4 }, [status, waiting], [metric])

await t.test('figures are read as they were made, without what is nobody else’s business', t => {
  t.same(parseFleetFigures(structuredClone(figures)), figures)
  t.match(figures, { health: { status: 'down', ready: 0, workers: 2 } })
  t.notMatch(JSON.stringify(figures), /sock|lastExit/)
  t.end()
})

await t.test('with any part missing or of another kind they are none', t => {
  const paths = [
    ...Object.keys(figures).map(key => [key]),
    ...Object.keys(figures.size).map(key => ['size', key]),
    ...Object.keys(figures.health).map(key => ['health', key]),
    ...Object.keys(figures.workers[0] ?? {}).map(key => ['workers', '0', key]),
    ...['reason', 'detail', 'sinceMs'].map(key => ['workers', '0', 'recycleRequested', key]),
  ]
  t.equal(paths.length, 5 + 3 + 4 + 14 + 3)
  for (const path of paths) {
    for (const wrong of [undefined, Symbol.iterator, Number.NaN, { length: 1 }]) {
      const copy = structuredClone(figures) as unknown as Record<string, unknown>
      const parent = path.slice(0, -1).reduce((object, key) => object[key] as Record<string, unknown>, copy)
      parent[path.at(-1) ?? ''] = wrong
      t.equal(parseFleetFigures(copy), null, `${path.join('.')} of the kind ${typeof wrong}`)
    }
  }
  t.end()
})

await t.test('whatever comes, reading it does not throw; metrics that are none are left out', t => {
  fc.assert(
    fc.property(fc.anything(), value => parseFleetFigures(value) === null),
    { numRuns: 300 },
  )
  fc.assert(
    fc.property(fc.array(fc.anything()), metrics => parseFleetFigures({ ...figures, metrics })?.metrics.length === 0),
    { numRuns: 300 },
  )
  t.same(parseFleetFigures({ ...figures, metrics: [null, metric, { name: 'half' }] })?.metrics, [metric])
  t.end()
})
