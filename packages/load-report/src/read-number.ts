// A decimal number from bytes: DIGITS [ "." DIGITS ] [ ("e" / "E") [ "+" / "-" ] DIGITS ], as servers print floating-point numbers.
//
// No sign, no "Infinity", no hexadecimal: nothing in a report is below 0. As exact as Number(text) to 15 digits, which is more than any figure
// in a report has; whole numbers up to 2^53 - 1 are exact, too.

const ZERO = 0x30
const POINT = 0x2e
const PLUS = 0x2b
const MINUS = 0x2d
const LOWER_E = 0x65
/** From there on another digit behind the point would only lose the exactness of those before it. */
const FULL_MANTISSA = 2 ** 53 / 10
/** Powers of ten are exact numbers up to here. */
const MAX_EXACT_POWER = 22
/** Beyond it every number is 0 or Infinity anyway. */
const MAX_EXPONENT = 400

/** The number that `buffer[start, end)` is as a whole; NaN when it's none. May be Infinity. */
export function readNumber(buffer: Uint8Array, start: number, end: number): number {
  let at = start
  let mantissa = 0
  let exponent = 0
  let digits = 0
  let point = false
  for (; at < end; at++) {
    const octet = buffer[at] as number
    if (octet === POINT && !point && digits > 0) {
      point = true
      digits = 0
      continue
    }
    const digit = octet - ZERO
    if (digit < 0 || digit > 9) break
    digits++
    if (point && mantissa > FULL_MANTISSA) continue
    mantissa = mantissa * 10 + digit
    if (point) exponent--
  }
  if (digits === 0) return Number.NaN
  if (at === end) return scaled(mantissa, exponent)
  if (((buffer[at] as number) | 0x20) !== LOWER_E) return Number.NaN
  const said = readExponent(buffer, at + 1, end)
  return scaled(mantissa, exponent + said)
}

/** NaN when it's none. */
function readExponent(buffer: Uint8Array, start: number, end: number): number {
  const sign = start < end ? buffer[start] : undefined
  let at = sign === PLUS || sign === MINUS ? start + 1 : start
  if (at === end) return Number.NaN
  let exponent = 0
  for (; at < end; at++) {
    const digit = (buffer[at] as number) - ZERO
    if (digit < 0 || digit > 9) return Number.NaN
    exponent = Math.min(exponent * 10 + digit, MAX_EXPONENT)
  }
  return sign === MINUS ? -exponent : exponent
}

function scaled(mantissa: number, exponent: number): number {
  if (mantissa === 0 && !Number.isNaN(exponent)) return 0
  // Dividing by an exact power rounds once; multiplying by 10^-n would round twice.
  if (exponent < 0 && exponent >= -MAX_EXACT_POWER) return mantissa / 10 ** -exponent
  return mantissa * 10 ** exponent
}
