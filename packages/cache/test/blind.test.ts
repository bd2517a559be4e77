// A process that can't know what others change: what it still serves, and what not.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock, SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { createCache } from '../src/index.ts'
import { BlindMachineMap } from '../src/machine/blind-machine-map.ts'

const BOUND_MS = 100

function fixture() {
  const clock = new FakeClock({ startMs: 1_000 })
  const cache = createCache({ map: new BlindMachineMap() }, {}, { clock, random: new SeededRandom(1) })
  const strict = cache.namespace<string>('strict', { kind: 'strict' })
  const bounded = cache.namespace<string>('bounded', { boundMs: BOUND_MS })
  return { clock, cache, strict, bounded }
}

/** Loads that end when they're told to, each with the value that was true when it began. */
function slowLoads() {
  const ends: (() => void)[] = []
  let truth = 'old'
  return {
    ends,
    change: (value: string) => (truth = value),
    load: () => {
      const read = truth
      return new Promise<string>(resolve => ends.push(() => resolve(read)))
    },
  }
}

await t.test('a strict namespace loads for each call, begun after it, and two at a time at most', async t => {
  const { strict } = fixture()
  const { ends, load } = slowLoads()
  const calls = [strict.getOrLoad('a', load), strict.getOrLoad('a', load)]
  await nextTurn()
  t.equal(ends.length, 1, 'calls that come before a load begins share it')
  calls.push(strict.getOrLoad('a', load))
  await nextTurn()
  t.equal(ends.length, 2, 'one that has begun is joined by nobody')
  calls.push(strict.getOrLoad('a', load), strict.getOrLoad('a', load))
  await nextTurn()
  t.equal(ends.length, 2, 'a third waits')
  while (ends.length > 0) {
    ends.shift()?.()
    await nextTurn()
  }
  t.strictSame(
    await Promise.all(calls),
    Array.from({ length: 5 }, () => 'old'),
  )
  t.equal(strict.peek('a'), undefined)
  t.equal(strict.stats().loads, 3)
})

await t.test('a bounded one serves what it loaded within its bound', async t => {
  const { clock, bounded } = fixture()
  let loads = 0
  const load = () => `${++loads}`
  t.equal(await bounded.getOrLoad('a', load), '1')
  clock.advance(BOUND_MS)
  t.equal(await bounded.getOrLoad('a', load), '1')
  t.equal(bounded.peek('a'), '1')
  clock.advance(1)
  t.equal(bounded.peek('a'), undefined)
  t.equal(await bounded.getOrLoad('a', load), '2')
})

await t.test('nobody joins a load that began longer ago than the bound', async t => {
  const { clock, bounded } = fixture()
  const { ends, load, change } = slowLoads()
  const first = bounded.getOrLoad('a', load)
  await nextTurn()
  clock.advance(BOUND_MS)
  const second = bounded.getOrLoad('a', load)
  clock.advance(1)
  change('new')
  const third = bounded.getOrLoad('a', load)
  await nextTurn()
  for (const end of ends.splice(0)) end()
  t.strictSame(await Promise.all([first, second, third]), ['old', 'old', 'new'])
})

await t.test(
  'what this process itself has changed is never served again, nor what was being read meanwhile',
  async t => {
    const { clock, cache, bounded } = fixture()
    const { ends, load, change } = slowLoads()
    await bounded.getOrLoad('kept', () => 'old')
    const slow = bounded.getOrLoad('a', load)
    await nextTurn()
    clock.advance(5)
    change('new')
    await cache.invalidateTags(['whatever'])
    t.equal(bounded.peek('kept'), undefined)
    ends.shift()?.()
    t.equal(await slow, 'old')
    t.equal(bounded.peek('a'), undefined)
    clock.advance(5)
    const after = bounded.getOrLoad('a', load)
    await nextTurn()
    ends.shift()?.()
    t.equal(await after, 'new')
    t.equal(bounded.peek('a'), 'new')
  },
)

await t.test('it says that it’s out of touch', t => {
  t.equal(fixture().cache.stats().inTouch, false)
  t.end()
})
