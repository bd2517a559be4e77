import t from 'tap'
import { TestingError, until } from '@plimsoll/testing'

await t.test('gives the first truthy value, and takes errors for "not yet"', async t => {
  let looks = 0
  const value = await until(
    () => {
      looks++
      if (looks === 1) throw new Error('not there')
      return looks === 3 ? 'here' : undefined
    },
    { what: 'the third look', intervalMs: 1 },
  )
  t.equal(value, 'here')
  t.equal(looks, 3)
})

await t.test('a time-out names what was awaited and what the last look gave', async t => {
  const failed = until(() => Promise.resolve(0), { what: 'a number', timeoutMs: 5, intervalMs: 1 })
  await t.rejects(failed, { code: 'TESTING_ERR_TIMEOUT', message: /5 ms for a number; the last look gave 0/ })
})

await t.test('a time-out keeps the last error as its cause', async t => {
  const cause = new Error('still down')
  try {
    await until(() => Promise.reject(cause), { what: 'it', timeoutMs: 1, intervalMs: 1 })
    t.fail('it ended')
  } catch (error) {
    t.ok(error instanceof TestingError)
    t.equal((error as Error).cause, cause)
    t.match((error as Error).message, /still down/)
  }
})
