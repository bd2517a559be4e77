import t from 'tap'
import { until } from '@plimsoll/testing'
import { KnownStatements } from '../../src/cached/known-statements.ts'
import { WriteTracker } from '../../src/cached/write-tracker.ts'
import { DbError } from '../../src/errors.ts'
import { MemoryCache } from './memory-cache.ts'

const lost = new DbError('DB_ERR_OUTCOME_UNKNOWN', 'lost', { outcome: 'unknown' })
const statement = { text: 'delete from a', types: [] }

function tracker(lateMs: number) {
  const cache = new MemoryCache()
  const known = new KnownStatements(
    () =>
      Promise.resolve({
        read: { kind: 'refused', reason: '' },
        writes: ['a'],
        changesSchema: false,
        changesNames: false,
      }),
    performance,
  )
  return { cache, writes: new WriteTracker(cache, known, { automatic: true, lateMs }) }
}

await t.test('a lost answer is told at once, and again when the statement can not be running any more', async t => {
  const { cache, writes } = tracker(10)
  await writes.executed(statement, {}, lost)
  t.same(cache.takeTold(), [['a']])
  await until(() => cache.told.length === 1, { what: 'the second telling' })
  t.same(cache.takeTold(), [['a']])
  await writes.close()
  t.same(cache.takeTold(), [], 'and not a third time')
})

await t.test('one with tags by hand is as well', async t => {
  const { cache, writes } = tracker(60_000)
  await writes.executed(statement, { invalidates: ['b'] }, lost)
  await writes.close()
  t.same(cache.takeTold(), [['b'], ['b']])
})

await t.test('what never ran, or was undone as a whole, is not told', async t => {
  const { cache, writes } = tracker(60_000)
  for (const outcome of ['not-executed', 'rolled-back', 'failed'] as const) {
    t.equal(writes.executed(statement, {}, new DbError('DB_ERR_QUERY', 'x', { outcome })), undefined)
  }
  t.equal(writes.executed({ text: 'call x()', types: [] }, {}, new DbError('DB_ERR_CONNECT', 'x')), undefined)
  t.same(cache.told, [])
  await writes.executed({ text: 'call x()', types: [] }, {}, new DbError('DB_ERR_QUERY', 'x', { outcome: 'failed' }))
  t.equal(cache.told.length, 1, 'a procedure may have committed before it failed')
})
