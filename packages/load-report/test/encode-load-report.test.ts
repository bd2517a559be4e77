import fc from 'fast-check'
import t from 'tap'
import { decodeLoadReport, encodeLoadReport, type LoadReport } from '../src/index.ts'
import { NOTHING_SAID } from '../src/load-report.ts'
import { REPORT_FIELDS } from '../src/report-fields.ts'

function decode(text: string): LoadReport {
  const bytes = Buffer.from(text)
  return decodeLoadReport(bytes, 0, bytes.length) ?? NOTHING_SAID
}

const anyNumber = fc.oneof(fc.double(), fc.double({ min: 0, max: 1.5 }), fc.nat(), fc.maxSafeInteger())
const anyReport: fc.Arbitrary<LoadReport> = fc.record({
  sequence: anyNumber,
  utilization: anyNumber,
  memoryUtilization: anyNumber,
  requestsPerSecond: anyNumber,
  errorsPerSecond: anyNumber,
  loopDelayP99Ms: anyNumber,
  gcRatio: anyNumber,
  heapUtilization: anyNumber,
  databaseWaiting: anyNumber,
  cacheHitRatio: anyNumber,
  pressure: anyNumber,
})

await t.test('the whole wire form', async t => {
  const report = {
    sequence: 17,
    utilization: 0.42,
    memoryUtilization: 0.61,
    requestsPerSecond: 812.5,
    errorsPerSecond: 0,
    loopDelayP99Ms: 12.3,
    gcRatio: 0.01,
    heapUtilization: 0.5,
    databaseWaiting: 0,
    cacheHitRatio: 0.93,
    pressure: 0,
  }
  t.equal(
    encodeLoadReport(report),
    'TEXT application_utilization=0.42,mem_utilization=0.61,rps_fractional=812.5,eps=0,named_metrics.sequence=17,' +
      'named_metrics.loop_delay_p99_seconds=0.0123,named_metrics.gc_ratio=0.01,named_metrics.heap_utilization=0.5,' +
      'named_metrics.db_waiting=0,named_metrics.cache_hit_ratio=0.93,named_metrics.pressure=0',
  )
})

await t.test(
  'whatever is measured, the value is printable, short and has no exponent, sign or empty entry',
  async () => {
    fc.assert(
      fc.property(anyReport, report => {
        const text = encodeLoadReport(report)
        if (text === null) return Object.values(report).every((value: number) => !(value >= 0 && value < Infinity))
        return text.length < 500 && /^TEXT [a-z_.0-9]+=\d+(\.\d{1,6})?(,[a-z_.0-9]+=\d+(\.\d{1,6})?)*$/.test(text)
      }),
      { numRuns: 500 },
    )
  },
)

await t.test('what is read back is what was said, to the digits that are sent', async () => {
  fc.assert(
    fc.property(anyReport, report => {
      const text = encodeLoadReport(report)
      const back = text === null ? NOTHING_SAID : decode(text)
      for (const { property, most, scale, decimals } of REPORT_FIELDS) {
        const value = report[property]
        if (!(value >= 0 && value < Infinity)) {
          if (!Number.isNaN(back[property])) return false
        } else {
          const exact = Math.min(value, most)
          const near = 0.5001 * scale * 10 ** -decimals + exact * 1e-12
          if (!(Math.abs(back[property] - exact) <= near)) return false
        }
      }
      return encodeLoadReport(back) === text
    }),
    { numRuns: 500 },
  )
})

await t.test('nothing to say is no value', async t => {
  t.equal(encodeLoadReport(NOTHING_SAID), null)
  t.equal(encodeLoadReport({ ...NOTHING_SAID, utilization: -1, pressure: Infinity }), null)
})
