import t from 'tap'
import { Counter, createRegistry } from '@plimsoll/telemetry'

await t.test('process figures carry the prefix, and every sample the labels', async t => {
  const registry = createRegistry({ prefix: 'api_', labels: { worker: '1' } })
  new Counter({ name: 'api_things_total', help: 'Things.', registers: [registry] }).inc(2)
  const text = await registry.metrics()
  t.match(text, /^api_process_cpu_seconds_total\{worker="1"\}/m)
  t.match(text, /^api_nodejs_eventloop_lag_seconds\{worker="1"\}/m)
  t.match(text, /^api_things_total\{worker="1"\} 2$/m)
})

await t.test('two registries in one process do not share samples', async t => {
  const one = createRegistry({ prefix: 'a_' })
  const two = createRegistry({ prefix: 'b_' })
  t.notMatch(await one.metrics(), /^b_/m)
  t.notMatch(await two.metrics(), /^a_/m)
})

await t.test('no gauge has a name that ends like a counter', async t => {
  const text = await createRegistry({ prefix: 'a_' }).metrics()
  const gauges = text.split('\n').filter(line => /^# TYPE \S+ gauge$/.test(line))
  t.ok(gauges.length > 10)
  t.same(
    gauges.filter(line => line.includes('_total ')),
    [],
  )
})
