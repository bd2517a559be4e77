import t from 'tap'
import { partOf } from '../../src/soak/soak-target.ts'
import { readOptions } from '../../src/suites/soak.ts'

await t.test('three minutes of the small service unless told otherwise', async t => {
  t.same(readOptions([]), { judgedMs: 180_000, warmupMs: 60_000, rate: 300, connections: 50, stack: false })
  t.same(readOptions('--minutes 0.5 --warmup-seconds 5 --rate 9.5 --connections 2 --stack'.split(' ')), {
    judgedMs: 30_000,
    warmupMs: 5000,
    rate: 10,
    connections: 2,
    stack: true,
  })
})

await t.test('what is no number above 0 is refused', async t => {
  for (const line of ['--minutes 0', '--rate x', '--warmup-seconds Infinity', '--connections 0']) {
    t.throws(() => readOptions(line.split(' ')), /has to be a number above 0/, line)
  }
})

await t.test('a process is named by what it runs', async t => {
  t.equal(partOf('/n/node /x/apps/balancer/src/main.ts --listen 127.0.0.1:0'), 'balancer')
  t.equal(partOf('/n/node --expose-gc /x/bench/src/soak/service/worker.ts'), 'worker')
  t.equal(partOf('/n/node /x/apps/api/src/worker/main.ts'), 'API worker')
  t.equal(partOf('postgres: plimsoll postgres [local] idle'), 'PostgreSQL')
  t.equal(partOf('sh -c true'), null)
})
