import t from 'tap'
import { Smoothed } from '../../src/reports/smoothed.ts'

await t.test('the first figure counts whole, later ones by how much time they stand for', t => {
  const smoothed = new Smoothed(1000)
  t.ok(Number.isNaN(smoothed.value))
  smoothed.add(100, 5000)
  t.equal(smoothed.value, 100)
  smoothed.add(1000, 5000)
  t.equal(smoothed.value, 100, 'no time has passed')
  smoothed.add(0, 6000)
  t.ok(Math.abs(smoothed.value - 100 / Math.E) < 1e-9)
  t.end()
})

await t.test('what is not said any more is not known, and begins anew', t => {
  const smoothed = new Smoothed(1000)
  smoothed.add(100, 0)
  smoothed.add(Number.NaN, 10)
  t.ok(Number.isNaN(smoothed.value))
  smoothed.add(7, 20)
  t.equal(smoothed.value, 7)
  smoothed.clear()
  t.ok(Number.isNaN(smoothed.value))
  t.end()
})
