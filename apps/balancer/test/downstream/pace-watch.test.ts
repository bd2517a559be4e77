import t from 'tap'
import { PaceWatch } from '../../src/downstream/pace-watch.ts'

await t.test('a body that owes more than it brings is too slow', t => {
  const pace = new PaceWatch(100)
  pace.begin(0)
  pace.onBody(100)
  t.equal(pace.look(true, false, 0), 'kept')
  pace.onBody(99)
  t.equal(pace.look(true, false, 0), 'body-too-slow')
  t.end()
})

await t.test('a window in which nothing was owed does not count', t => {
  const pace = new PaceWatch(100)
  pace.begin(0)
  t.equal(pace.look(false, false, 0), 'kept')
  t.end()
})

await t.test('a window in which we did not read, for a moment or all the time, does not count', t => {
  const pace = new PaceWatch(100)
  pace.begin(0)
  pace.onPause()
  pace.onResume()
  t.equal(pace.look(true, false, 0), 'kept', 'a moment')
  t.equal(pace.look(true, false, 0), 'body-too-slow', 'but the next one does')
  pace.onPause()
  t.equal(pace.look(true, false, 0), 'kept')
  t.equal(pace.look(true, false, 0), 'kept', 'still paused')
  t.end()
})

await t.test('an answer counts from the second window on in which there is something to read', t => {
  const pace = new PaceWatch(100)
  pace.begin(1000)
  t.equal(pace.look(false, true, 1000), 'kept', 'it may have begun a moment ago')
  t.equal(pace.look(false, true, 1100), 'kept', 'fast enough')
  t.equal(pace.look(false, true, 1199), 'answer-too-slow')
  t.equal(pace.look(false, false, 1199), 'kept', 'nothing to read')
  t.equal(pace.look(false, true, 1199), 'kept')
  t.end()
})

await t.test('without a least rate nothing is too slow', t => {
  const pace = new PaceWatch(0)
  pace.begin(0)
  t.equal(pace.look(true, true, 0), 'kept')
  t.equal(pace.look(true, true, 0), 'kept')
  t.end()
})
