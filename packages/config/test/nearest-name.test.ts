import t from 'tap'
import { nearestName } from '../src/nearest-name.ts'

const KNOWN = ['listen', 'health.interval-ms', 'health.path', 'retry.count', 'timeouts.try-ms', 'log.level', 'admin']

await t.test('the name that was most likely meant is found', async t => {
  const cases = {
    'health.intervalMs': 'health.interval-ms',
    'health-interval-ms': 'health.interval-ms',
    HEALTH_INTERVAL_MS: 'health.interval-ms',
    'interval-ms': 'health.interval-ms',
    'health.intervall-ms': 'health.interval-ms',
    'health.inetrval-ms': 'health.interval-ms',
    listne: 'listen',
    lisen: 'listen',
    count: 'retry.count',
  }
  for (const [wanted, meant] of Object.entries(cases)) t.equal(nearestName(wanted, KNOWN), meant, wanted)
})

await t.test('nothing is suggested for what resembles nothing', async t => {
  for (const wanted of ['', '-', 'x', 'ab', 'completely-other', 'tls.certificate']) {
    t.equal(nearestName(wanted, KNOWN), null, wanted)
  }
})

await t.test('an ending that several names share is no suggestion by itself', async t => {
  t.equal(nearestName('path', ['health.path', 'metrics.path']), null)
})
