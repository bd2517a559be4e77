import t from 'tap'
import { until } from '@plimsoll/testing'
import { createMachineStore } from '../../src/machine/index.ts'
import { memoryFolder } from '../fixture/folder.ts'
import { raceOf, startTaker } from '../fixture/takers.ts'

await t.test('processes of one folder never exceed the limit together, in any window', async t => {
  const rules = [
    { name: 'short', limit: 20, windowMs: 40 },
    { name: 'wide', limit: 100_000, windowMs: 60_000 },
  ]
  const { fullest, admitted, perProcess, told } = await raceOf(t, 3, {
    rules,
    folder: memoryFolder(t),
    decisions: 1200,
  })
  t.ok(fullest <= 20, `${fullest} in the fullest window`)
  t.ok(admitted > 40, `${perProcess.join(' + ')} = ${admitted} were admitted over several windows`)
  t.same(told, [], 'nobody fell back to a memory of its own')
})

await t.test('a process that is killed in the middle leaves nothing locked, and nothing half counted', async t => {
  const folder = memoryFolder(t)
  const rules = [
    { name: 'somebody', limit: 1_000_000, windowMs: 3_600_000 },
    { name: 'others', limit: 1_000_000, windowMs: 3_600_000 },
  ]
  const told: unknown[] = []
  const store = createMachineStore({ rules, folder, onState: state => told.push(state) })
  t.teardown(() => store.close())
  const used = (index: number, key: string): number => {
    const { states } = store.peek(index === 0 ? [key, null] : [null, key])
    return 1_000_000 - (states[index]?.remaining ?? 0)
  }
  for (let round = 0; round < 2; round++) {
    const child = await startTaker(t, { folder, rules })
    const before = used(0, 'somebody')
    child.send('go')
    await until(() => used(0, 'somebody') > before + 50 + round * 13, { what: 'some decisions' })
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    const count = used(0, 'somebody')
    let sum = 0
    for (let i = 0; i < 50; i++) sum += used(1, `somebody ${i}`)
    t.equal(sum, count, 'each decision counted under both rules, or under none')
    t.equal(store.take(['somebody', null]).allowed, true)
    t.equal(used(0, 'somebody'), count + 1)
    store.giveBack(['somebody', null], '', store.peek(['somebody', null]).atMs)
  }
  t.same(told, [])
})
