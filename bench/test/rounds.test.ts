import t from 'tap'
import { interleave } from '../src/rounds.ts'

await t.test('every candidate has one turn per round, and the first one changes', async t => {
  const order = interleave(['a', 'b', 'c'], 4).map(({ round, candidate }) => `${round}${candidate}`)
  t.same(order.join(' '), '1a 1b 1c 2b 2c 2a 3c 3a 3b 4a 4b 4c')
})

await t.test('without candidates there are no turns', async t => {
  t.same(interleave([], 3), [])
})
