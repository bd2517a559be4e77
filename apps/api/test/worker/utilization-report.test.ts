import t from 'tap'
import { until } from '@plimsoll/testing'
import { reportUtilization } from '../../src/worker/utilization-report.ts'

await t.test('the share of the last second in which the loop was busy is told, again and again', async t => {
  const told: number[] = []
  t.teardown(reportUtilization({ report: ({ utilization }) => void told.push(utilization) }))
  await until(() => told.length >= 2, { what: 'two reports' })
  t.ok(told.every(utilization => utilization >= 0 && utilization <= 1))
})
