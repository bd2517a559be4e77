import t from 'tap'
import { decodeLoadReport, LOAD_REPORT_HEADER, type LoadReport } from '@plimsoll/load-report'
import { until } from '@plimsoll/testing'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

await t.test('every answer to a believed peer says how loaded the worker is, errors and checks too', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { trustedProxies: ['127.0.0.1'] } })
  for (const url of ['/health/live', '/health/ready', '/api/courses', '/nowhere']) {
    const { headers } = await app.inject({ url })
    const report = parse(headers[LOAD_REPORT_HEADER])
    t.ok(report.sequence >= 1, url)
    t.ok(report.heapUtilization > 0 && report.heapUtilization < 1)
  }
  const nobodyWaits = async () => {
    const { headers } = await app.inject({ url: '/health/live' })
    return parse(headers[LOAD_REPORT_HEADER]).databaseWaiting === 0
  }
  await until(nobodyWaits, { what: 'a report that nobody waits for a connection, once the database is missed' })
})

await t.test('requests and those that failed by the fault of the worker are counted', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { trustedProxies: ['127.0.0.1'] } })
  const ask = async () => parse((await app.inject({ url: '/api/courses' })).headers[LOAD_REPORT_HEADER])
  const report = await until(
    async () => {
      const seen = await ask()
      return seen.requestsPerSecond > 0 && seen.errorsPerSecond > 0 && seen
    },
    { what: 'a report that counts requests, and the failures of those that had no database' },
  )
  t.ok(report.errorsPerSecond <= report.requestsPerSecond)
})

await t.test('nobody else is told', async t => {
  const { app } = await testApp(t, NO_DATABASE)
  const { headers } = await app.inject({ url: '/health/live' })
  t.notOk(LOAD_REPORT_HEADER in headers)
})

function parse(field: unknown): LoadReport {
  const bytes = Buffer.from(String(field))
  const report = decodeLoadReport(bytes, 0, bytes.length)
  if (report === null) throw new Error(`no report: ${String(field)}`)
  return report
}
