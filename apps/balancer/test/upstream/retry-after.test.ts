import { execFileSync } from 'node:child_process'
import { METHOD, type MessageHead, ResponseParser } from '@plimsoll/http1'
import fc from 'fast-check'
import t from 'tap'
import { retryAfterMs } from '../../src/upstream/retry-after.ts'

/** Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples. */
const RFC_DATE_MS = 784_111_777_000

function headWith(fields: string): MessageHead {
  const parser = new ResponseParser({ onHead() {}, onBody() {}, onTrailers() {}, onEnd() {}, onRefusal() {} })
  parser.expect(METHOD.GET)
  const bytes = Buffer.from(`HTTP/1.1 503 No\r\n${fields}Content-Length: 0\r\n\r\n`, 'latin1')
  parser.execute(bytes, 0, bytes.length)
  return parser.head
}

const read = (value: string, epochMs = 0): number => retryAfterMs(headWith(`Retry-After: ${value}\r\n`), epochMs)

await t.test('seconds, and none', t => {
  t.equal(retryAfterMs(headWith(''), 0), 0)
  for (const [value, ms] of [
    ['0', 0],
    ['120', 120_000],
    ['007', 7000],
    ['999999999', 999_999_999_000],
  ] as const)
    t.equal(read(value), ms, value)
  t.end()
})

await t.test('the three forms of a date, counted from now; one that has passed asks for nothing', t => {
  for (const value of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) {
    t.equal(read(value, RFC_DATE_MS - 5000), 5000, value)
    t.equal(read(value, RFC_DATE_MS), 0, value)
    t.equal(read(value, RFC_DATE_MS + 5000), 0, value)
  }
  t.end()
})

await t.test('dates are GMT wherever the process runs', t => {
  const code = `
    import { retryAfterMs } from ${JSON.stringify(new URL('../../src/upstream/retry-after.ts', import.meta.url).href)}
    const head = { value: () => 'Sun Nov  6 08:49:37 1994' }
    process.stdout.write(String(retryAfterMs(head, ${RFC_DATE_MS - 5000})))`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', code], { env: { TZ: 'Asia/Tokyo' } })
  t.equal(String(out), '5000')
  t.end()
})

await t.test('what can’t be read asks for nothing, and any value gives a number from 0 on', t => {
  for (const value of ['soon', '-5', '1.5', '5 s', '1e3', '+3', '', '2999-01-01T00:00:00Z', 'Sunday'])
    t.equal(read(value), 0, value)
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), fc.integer({ min: 0, max: 4e12 }), (text, epochMs) => {
      const value = text.replaceAll(/[^ -~]/g, '').trim()
      const ms = read(value, epochMs)
      return /^\d/.test(value) || /^[MTWFS]/.test(value) ? ms >= 0 && Number.isFinite(ms) : ms === 0
    }),
    { numRuns: 500 },
  )
  t.end()
})
