// Fails on purpose, for test/long/test-run.long.ts.
import t from 'tap'
await t.test('a test', t => {
  t.equal(1, 2, 'what is asserted')
  t.ok(true)
  t.end()
})
await t.test('is not for today', { skip: 'no reason' }, t => t.end())
