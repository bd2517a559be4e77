// The header's value comes from another process: from ours, from servers that speak ORCA otherwise, and from whoever got hold of a worker's socket.
import fc from 'fast-check'
import { anyText } from '@plimsoll/testing/any-text'
import t from 'tap'
import { decodeLoadReport, type LoadReport } from '../src/index.ts'

const RUNS = 300

function decode(text: string): LoadReport | null {
  const bytes = Buffer.from(text, 'latin1')
  return decodeLoadReport(bytes, 0, bytes.length)
}

/** The fields that a report says. */
function said(text: string): Partial<LoadReport> | null {
  const report = decode(text)
  return report && Object.fromEntries(Object.entries(report).filter(([, value]) => !Number.isNaN(value)))
}

const OURS =
  'TEXT application_utilization=0.42,mem_utilization=0.61,rps_fractional=812.5,eps=0,named_metrics.sequence=17,' +
  'named_metrics.loop_delay_p99_seconds=0.0123,named_metrics.gc_ratio=0.01,named_metrics.heap_utilization=0.5,' +
  'named_metrics.db_waiting=3,named_metrics.cache_hit_ratio=0.93,named_metrics.pressure=1'

await t.test('every field of our own reports', async t => {
  t.same(said(OURS), {
    sequence: 17,
    utilization: 0.42,
    memoryUtilization: 0.61,
    requestsPerSecond: 812.5,
    errorsPerSecond: 0,
    loopDelayP99Ms: 12.3,
    gcRatio: 0.01,
    heapUtilization: 0.5,
    databaseWaiting: 3,
    cacheHitRatio: 0.93,
    pressure: 1,
  })
})

await t.test('only the given part of the buffer is read', async t => {
  const bytes = Buffer.from(`x: ${OURS}0000\r\nTEXT eps=9`)
  t.equal(decodeLoadReport(bytes, 3, 3 + OURS.length)?.pressure, 1)
  t.same(decodeLoadReport(bytes, 3, 3 + 'TEXT application_utilization=0.4'.length)?.utilization, 0.4)
})

await t.test('what a report does not say is NaN', async t => {
  const report = decode('TEXT eps=2')
  t.equal(report?.errorsPerSecond, 2)
  t.equal(Object.values(report ?? {}).filter(Number.isNaN).length, 10)
})

await t.test('the ORCA forms of other servers', async t => {
  t.same(
    said('TEXT cpu_utilization=0.3, mem_utilization=0.8, rps_fractional=10.0, eps=1, named_metrics.custom=0.4'),
    { utilization: 0.3, memoryUtilization: 0.8, requestsPerSecond: 10, errorsPerSecond: 1 },
    'with blanks behind the commas, and metrics of its own',
  )
  t.same(said('TEXT application_utilization:0.25,rps_fractional:1e+02'), { utilization: 0.25, requestsPerSecond: 100 })
  t.same(said(' \tTEXT  eps = 1\t, rps_fractional =2 '), { errorsPerSecond: 1, requestsPerSecond: 2 })
  t.same(said('TEXT utilization.gpu=0.5,request_cost.db=3,rps=7,eps=0.5'), { errorsPerSecond: 0.5 })
  t.same(said('JSON {"named_metrics": {"gc_ratio": 0.25, "pressure": 2}, "rps_fractional": 3}'), {
    gcRatio: 0.25,
    pressure: 2,
    requestsPerSecond: 3,
  })
  t.same(said('JSON {"cpuUtilization":0.5,"memUtilization":0.25,"namedMetrics":{"loop_delay_p99_seconds":0.5}}'), {
    utilization: 0.5,
    memoryUtilization: 0.25,
    loopDelayP99Ms: 500,
  })
})

await t.test("the application's utilization goes before the processor's, unless it's 0", async t => {
  t.same(said('TEXT cpu_utilization=0.9,application_utilization=0.2'), { utilization: 0.2 })
  t.same(said('TEXT application_utilization=0.2,cpu_utilization=0.9'), { utilization: 0.2 })
  t.same(said('TEXT application_utilization=0,cpu_utilization=0.9'), { utilization: 0.9 })
  t.same(said('TEXT application_utilization=0'), { utilization: 0 })
})

await t.test('of what comes twice the last counts, if it can be', async t => {
  t.same(said('TEXT eps=1,eps=2,eps=3'), { errorsPerSecond: 3 })
  t.same(said('TEXT eps=1,eps=-3'), { errorsPerSecond: 1 })
})

await t.test("what isn't a number, or can't be, takes nothing else along", async t => {
  const bad = [
    '',
    '-1',
    '+1',
    'NaN',
    'nan',
    'Infinity',
    'inf',
    '0x1',
    '1_0',
    '1,5',
    '.5',
    '5.',
    '1e',
    '1e999',
    '1 2',
    '1;',
    '½',
  ]
  for (const value of bad.filter(value => !value.includes(','))) {
    t.same(said(`TEXT eps=${value},rps_fractional=2`), { requestsPerSecond: 2 }, `eps=${value}`)
  }
  for (const entry of [
    '',
    '=',
    'eps',
    'eps 1',
    '=1',
    'EPS=1',
    'eps.=1',
    'named_metrics.=1',
    'named_metrics.eps=1',
    'gc_ratio=1',
  ]) {
    t.same(said(`TEXT ${entry},rps_fractional=2`), { requestsPerSecond: 2 }, JSON.stringify(entry))
  }
  const beyond = [
    'application_utilization=101',
    'mem_utilization=1.01',
    'rps_fractional=1000000001',
    'named_metrics.sequence=9007199254740993',
    'named_metrics.sequence=1.5',
    'named_metrics.loop_delay_p99_seconds=3601',
    'named_metrics.gc_ratio=2',
    'named_metrics.db_waiting=0.5',
    'named_metrics.pressure=4',
  ]
  for (const entry of beyond) t.same(said(`TEXT eps=1,${entry}`), { errorsPerSecond: 1 }, entry)
})

await t.test("what isn't a report is null", async t => {
  const none = [
    '',
    ' ',
    'TEXT',
    'TEXT ',
    'TEXTeps=1',
    'text eps=1',
    'eps=1',
    'BIN CAESBA==',
    'TEXT a=1',
    'TEXT eps=x',
    'JSON ',
  ]
  for (const text of [
    ...none,
    'JSON 1',
    'JSON null',
    'JSON {',
    'JSON []',
    'JSON {"eps":"1"}',
    'JSON {"named_metrics":7}',
  ]) {
    t.equal(decode(text), null, JSON.stringify(text))
  }
})

await t.test('names of Object.prototype are names like others', async t => {
  t.equal(decode('JSON {"__proto__":{"eps":1},"named_metrics":{"__proto__":{"gc_ratio":1}}}'), null)
  t.equal(decode('TEXT __proto__=1,constructor=2,named_metrics.toString=3'), null)
})

await t.test('at most a kilobyte and 64 entries are read', async t => {
  const padded = (length: number): string => 'TEXT eps=1,'.padEnd(length - 'eps=2'.length, 'x,') + 'eps=2'
  t.equal(decode('TEXT eps=1'.padEnd(1024, '0')), null, 'eps beyond its range')
  t.equal(decode(`TEXT eps=1${' '.repeat(1024 - 10)}`)?.errorsPerSecond, 1)
  t.equal(decode(`TEXT eps=1${' '.repeat(1025 - 10)}`), null)
  t.equal(decode(`TEXT ${'x,'.repeat(63)}eps=1`)?.errorsPerSecond, 1)
  t.equal(decode(`TEXT ${'x,'.repeat(64)}eps=1`), null)
  t.equal(decode(padded(1025)), null)
  t.equal(decode(`JSON ${'['.repeat(1019)}`), null)
})

await t.test('places outside of the buffer are refused', async t => {
  const bytes = Buffer.from(OURS)
  t.equal(decodeLoadReport(bytes, -1, bytes.length), null)
  t.equal(decodeLoadReport(bytes, 0, bytes.length + 1), null)
  t.equal(decodeLoadReport(bytes, 20, 10), null)
  t.equal(decodeLoadReport(bytes, Number.NaN, 10), null)
  t.ok(decodeLoadReport(new Uint8Array(bytes), 0, bytes.length), "it needn't be a Buffer")
})

await t.test('random bytes never throw, and never make a value that cannot be', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'TEXT ',
      'JSON ',
      '{',
      '}',
      ',',
      '=',
      ':',
      ' ',
      '.',
      'eps',
      'named_metrics.',
      'pressure',
      'sequence',
      '9',
      '1e',
      '-',
      '"',
    ),
    anyText({ maxLength: 4 }),
  )
  const text = fc.array(piece, { maxLength: 80 }).map(pieces => pieces.join(''))
  const prefixed = fc.tuple(fc.constantFrom('', 'TEXT ', 'JSON {'), text).map(pieces => pieces.join(''))
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 1200 }),
    prefixed.map(text => new Uint8Array(Buffer.from(text))),
  )
  fc.assert(
    fc.property(bytes, fc.nat(20), fc.nat(20), (bytes, from, less) => {
      const report = decodeLoadReport(bytes, from, bytes.length - less)
      return (
        report === null ||
        Object.values(report).every((value: number) => Number.isNaN(value) || (value >= 0 && value < Infinity))
      )
    }),
    { numRuns: RUNS },
  )
})

await t.test('cut anywhere, it says what came whole or less, never something else', async t => {
  const whole = decode(OURS) as LoadReport
  for (let length = 0; length < OURS.length; length++) {
    const cutInNumber = /[0-9.]$/.test(OURS.slice(0, length))
    const cut = decode(OURS.slice(0, length))
    if (cut === null || cutInNumber) continue
    for (const [name, value] of Object.entries(cut)) {
      if (!Number.isNaN(value) && value !== whole[name as keyof LoadReport])
        t.fail(`${name} is ${value} after ${length} bytes`)
    }
  }
  t.pass()
})
