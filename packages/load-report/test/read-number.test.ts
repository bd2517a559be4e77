import fc from 'fast-check'
import t from 'tap'
import { readNumber } from '../src/read-number.ts'

function read(text: string): number {
  return readNumber(Buffer.from(`9${text}9`, 'latin1'), 1, 1 + text.length)
}

await t.test('numbers of up to 15 digits are what Number() makes of them', async () => {
  const digits = fc.stringMatching(/^[0-9]{1,8}$/)
  const exponent = fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), fc.integer({ min: 0, max: 12 })))
  fc.assert(
    fc.property(digits, fc.option(fc.stringMatching(/^[0-9]{1,7}$/)), exponent, (whole, fraction, exponent) => {
      const text = `${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : exponent.join('')}`
      return read(text) === Number(text)
    }),
    { numRuns: 500 },
  )
})

await t.test('longer ones are as near as 14 digits are', async t => {
  fc.assert(
    fc.property(fc.double({ min: 1e-100, max: 1e100, noNaN: true }), value => {
      return Math.abs(read(String(value)) / value - 1) < 1e-14
    }),
    { numRuns: 500 },
  )
  t.equal(read('0.30000000000000004'), 0.3)
  t.equal(read(`${'0'.repeat(400)}1.5${'0'.repeat(400)}`), 1.5)
  t.equal(read(`0.${'0'.repeat(30)}1`), 1e-31)
})

await t.test('whole numbers are exact up to 2^53 - 1', async t => {
  t.equal(read('9007199254740991'), Number.MAX_SAFE_INTEGER)
  t.equal(read('9007199254740989'), Number.MAX_SAFE_INTEGER - 2)
  t.ok(read('9007199254740993') > Number.MAX_SAFE_INTEGER, 'and what is beyond stays beyond')
})

await t.test('exponents without end are neither slow nor wrong', async t => {
  t.equal(read(`1e${'9'.repeat(900)}`), Infinity)
  t.equal(read(`1e-${'9'.repeat(900)}`), 0)
  t.equal(read('0e999'), 0)
})

await t.test('everything else is no number', async t => {
  for (const text of [
    '',
    '.',
    '.5',
    '5.',
    '1..2',
    '1.2.3',
    '-1',
    '+1',
    ' 1',
    '1 ',
    '1e',
    '1e+',
    '1e1.5',
    'e5',
    'NaN',
    'Infinity',
    '0x10',
    '1_0',
    '१',
  ]) {
    t.ok(Number.isNaN(read(text)), JSON.stringify(text))
  }
})
