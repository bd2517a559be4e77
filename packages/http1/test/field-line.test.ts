import t from 'tap'
import { encodeFieldLine, writeFieldLine } from '@plimsoll/http1'

await t.test('a field line is a name, a colon, a space, a value and CRLF', async t => {
  t.equal(encodeFieldLine('X-Request-Id', 'a1').toString('latin1'), 'X-Request-Id: a1\r\n')
  t.equal(encodeFieldLine('A', '').toString('latin1'), 'A: \r\n')
  t.equal(encodeFieldLine('A', 'b\xe9 \tc').toString('latin1'), 'A: b\xe9 \tc\r\n')
  const out = Buffer.alloc(12, 0x7e)
  t.equal(writeFieldLine(out, 2, 'AB', 'cd'), 10)
  t.equal(out.toString('latin1'), '~~AB: cd\r\n~~')
})

await t.test('without room nothing is written', async t => {
  const out = Buffer.alloc(9, 0x7e)
  t.equal(writeFieldLine(out, 2, 'AB', 'cd'), -1)
  t.equal(out.toString('latin1'), '~~~~~~~~~')
})

await t.test('what could split a message, or contradict it, is not made (CVE-2022-31150, CVE-2026-1527)', async t => {
  const refused: readonly (readonly [name: string, value: string])[] = [
    ['', 'a'],
    ['A b', 'c'],
    ['A:', 'c'],
    ['A\r\nB', 'c'],
    ['A', 'b\r\nC: d'],
    ['A', 'b\rc'],
    ['A', 'b\nc'],
    ['A', 'b\0'],
    ['A', 'b\x7f'],
    ['A', 'b\u0100'],
    ['A', '\u010d\u010a'],
    ['\u0141', 'b'],
    ['Host', 'a'],
    ['content-length', '1'],
    ['Transfer-Encoding', 'chunked'],
    ['CONNECTION', 'close'],
  ]
  for (const [name, value] of refused) {
    t.throws(() => encodeFieldLine(name, value), { code: 'HTTP1_ERR_FIELD_LINE', name: 'Http1UsageError' })
    t.throws(() => writeFieldLine(Buffer.alloc(100), 0, name, value), { code: 'HTTP1_ERR_FIELD_LINE' })
  }
})
