import t from 'tap'
import { sparkline } from '../../src/soak/sparkline.ts'

await t.test('a rise goes from the lowest bar to the highest', async t => {
  t.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7], { width: 8, leastRange: 0 }), '▁▂▃▄▅▆▇█')
})

await t.test('more values than characters are averaged, in order', async t => {
  t.equal(sparkline([0, 2, 10, 10, 4, 6], { width: 3, leastRange: 0 }), '▁█▄')
})

await t.test('small ups and downs stay small', async t => {
  t.equal(sparkline([100, 101, 100], { width: 8, leastRange: 50 }), '▁▁▁')
  t.equal(sparkline([100, 101, 100], { width: 8, leastRange: 0 }), '▁█▁')
})

await t.test('nothing, one value and equal values give a line all the same', async t => {
  t.equal(sparkline([], { width: 8, leastRange: 0 }), '')
  t.equal(sparkline([5], { width: 8, leastRange: 0 }), '▁')
  t.equal(sparkline([5, 5], { width: 8, leastRange: 0 }), '▁▁')
})
