import fc from 'fast-check'
import t from 'tap'
import {
  parseSupervisorMessage,
  parseWorkerMessage,
  type SupervisorMessage,
  type WorkerMessage,
} from '../src/messages.ts'

await t.test('every message of the protocol is read as it was sent', t => {
  const fromSupervisor: SupervisorMessage[] = [
    { type: 'supervisor:metrics', round: 7 },
    { type: 'supervisor:fleet', ask: 3, figures: { any: 'thing' }, error: null },
    { type: 'supervisor:fleet', ask: 3, figures: null, error: 'no' },
    { type: 'supervisor:drain' },
    { type: 'supervisor:exit', code: 1 },
  ]
  const fromWorker: WorkerMessage[] = [
    { type: 'worker:ready' },
    { type: 'worker:unready', reason: 'no database' },
    { type: 'worker:report', utilization: 0.5 },
    { type: 'worker:recycle', reason: 'leak', detail: '3 MiB/min' },
    { type: 'worker:fleet', ask: 3 },
    { type: 'worker:draining' },
    { type: 'worker:drained', metrics: [{ name: 'x' }], error: null },
    { type: 'worker:metrics', round: 7, metrics: null, error: 'no' },
  ]
  for (const message of fromSupervisor) t.same(parseSupervisorMessage(message), message)
  for (const message of fromWorker) t.same(parseWorkerMessage(message), message)
  for (const message of fromSupervisor) t.equal(parseWorkerMessage(message), null)
  for (const message of fromWorker) t.equal(parseSupervisorMessage(message), null)
  t.end()
})

await t.test('what a worker says about itself is bounded, whatever it sends', t => {
  t.same(parseWorkerMessage({ type: 'worker:report', utilization: 7 }), { type: 'worker:report', utilization: 1 })
  t.same(parseWorkerMessage({ type: 'worker:report', utilization: -7 }), { type: 'worker:report', utilization: 0 })
  for (const utilization of [NaN, Infinity, '0.5', undefined]) {
    t.equal(parseWorkerMessage({ type: 'worker:report', utilization }), null)
  }
  const recycle = parseWorkerMessage({ type: 'worker:recycle', reason: 'x'.repeat(10_000), detail: 7 })
  t.same(recycle, { type: 'worker:recycle', reason: 'x'.repeat(500), detail: '' })
  t.same(parseWorkerMessage({ type: 'worker:unready' }), { type: 'worker:unready', reason: '' })
  t.end()
})

await t.test('whatever else comes over the channel is no message, and no error', t => {
  t.equal(parseWorkerMessage({ type: 'worker:metrics', round: '7' }), null)
  t.equal(parseWorkerMessage({ type: 'worker:fleet' }), null)
  t.equal(parseSupervisorMessage({ type: 'supervisor:fleet', ask: '3', figures: null, error: null }), null)
  t.equal(parseSupervisorMessage({ type: 'supervisor:exit' }), null)
  fc.assert(
    fc.property(fc.anything(), value => parseWorkerMessage(value) === null && parseSupervisorMessage(value) === null),
    { numRuns: 500 },
  )
  t.end()
})
