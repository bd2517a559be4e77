import t from 'tap'
import { until } from '@plimsoll/testing'
import { watchReadiness } from '../../src/worker/readiness-watch.ts'

await t.test('the supervisor is told once when it begins, and once when it is over', async t => {
  let reason: string | undefined = 'the database can not be reached'
  const told: string[] = []
  t.teardown(
    watchReadiness(() => reason, {
      ready: () => void told.push('ready'),
      unready: why => void told.push(`unready: ${why}`),
    }),
  )
  t.same(told, ['unready: the database can not be reached'], 'at once: a probation is short')
  reason = undefined
  await until(() => told.length > 1, { what: 'the news that it is well again' })
  t.same(told.slice(1), ['ready'])
})
