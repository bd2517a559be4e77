import t from 'tap'
import { LevelHistory, WINDOW_POINTS } from '../../src/leak/level-history.ts'

const point = (minutes: number, mib: number) => ({ minutes, mib, load: Number.NaN })

await t.test('points closer than the spacing become the lowest of them, with its time', async t => {
  const history = new LevelHistory(1)
  for (const [minutes, mib] of [
    [0, 9],
    [0.4, 5],
    [0.9, 7],
    [1.2, 8],
    [2.5, 6],
  ] as const) {
    history.add(point(minutes, mib))
  }
  t.same([...history.series(0).times], [0.4, 1.2])
  t.same([...history.series(0).values], [5, 8])
})

await t.test('each level keeps its last 64 points, each the lower of two of the level below', async t => {
  const history = new LevelHistory(0.5)
  for (let index = 0; index <= 1024; index++) history.add(point(index, index % 2 === 0 ? 1000 + index : index))
  t.same([...history.series(0).times].slice(0, 2), [960, 961])
  for (let level = 0; level < 5; level++) t.equal(history.series(level).times.length, WINDOW_POINTS)
  t.same(
    [...history.series(1).values],
    Array.from({ length: 64 }, (_, index) => 897 + 2 * index),
  )
  t.same(
    [...history.series(4).times],
    Array.from({ length: 64 }, (_, index) => 16 * index + 1),
  )
  t.equal(history.series(9).times.length, 2)
})

await t.test('it says how many levels got a point', async t => {
  const history = new LevelHistory(0.5)
  const levels = Array.from({ length: 9 }, (_, index) => history.add(point(index, 1)))
  t.same(levels, [0, 1, 2, 1, 3, 1, 2, 1, 4])
})
