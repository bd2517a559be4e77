import t from 'tap'
import { createLimits, METHOD } from '@plimsoll/http1'
import { headOf, inAllPieces, kindsOf, octetsOf, parseRequests, parseResponses, verdict } from './recorder.ts'

const request = (...lines: string[]): Buffer => octetsOf(['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n'))

await t.test('a field is a name, a colon and a value without the whitespace around it', async t => {
  const outcome = inAllPieces(
    request(
      'A:b',
      'C: d',
      'E:\t f\t ',
      'G:',
      'H: ',
      'I: \t ',
      'J: k l\tm',
      "!#$%&'*+-.^_`|~09azAZ: n",
      'O: \x80\xff',
      'P: :q:',
    ),
    parseRequests,
  )
  t.same(headOf(outcome).fields.slice(1), [
    ['A', 'b', false],
    ['C', 'd', false],
    ['E', 'f', false],
    ['G', '', false],
    ['H', '', false],
    ['I', '', false],
    ['J', 'k l\tm', false],
    ["!#$%&'*+-.^_`|~09azAZ", 'n', false],
    ['O', '\x80\xff', false],
    ['P', ':q:', false],
  ])
})

const REFUSED: readonly (readonly [name: string, lines: string, code: string])[] = [
  ['a space before the colon (CVE-2021-22959)', 'A : b', 'HTTP1_ERR_SPACE_BEFORE_COLON'],
  ['a tab before the colon', 'A\t: b', 'HTTP1_ERR_SPACE_BEFORE_COLON'],
  [
    'Content-Length with a space before the colon (CVE-2024-27982)',
    'Content-Length : 5',
    'HTTP1_ERR_SPACE_BEFORE_COLON',
  ],
  ['a folded line', 'A: b\r\n c', 'HTTP1_ERR_OBS_FOLD'],
  ['a line folded by a tab', 'A: b\r\n\tc', 'HTTP1_ERR_OBS_FOLD'],
  ['a line of whitespace', 'A: b\r\n ', 'HTTP1_ERR_OBS_FOLD'],
  ['an empty name', ': b', 'HTTP1_ERR_FIELD_NAME'],
  ['only a colon', ':', 'HTTP1_ERR_FIELD_NAME'],
  ['no colon', 'Ab', 'HTTP1_ERR_FIELD_NAME'],
  ['two words and no colon', 'A b', 'HTTP1_ERR_SPACE_BEFORE_COLON'],
  ['a request line', 'GET / HTTP/1.1', 'HTTP1_ERR_SPACE_BEFORE_COLON'],
  ['a separator in the name', 'A(b: c', 'HTTP1_ERR_FIELD_NAME'],
  ['a quote in the name', 'A"b: c', 'HTTP1_ERR_FIELD_NAME'],
  ['a slash in the name', 'A/b: c', 'HTTP1_ERR_FIELD_NAME'],
  ['NUL in the name', 'A\0b: c', 'HTTP1_ERR_FIELD_NAME'],
  ['a control character in the name', 'A\x01b: c', 'HTTP1_ERR_FIELD_NAME'],
  ['DEL in the name', 'A\x7fb: c', 'HTTP1_ERR_FIELD_NAME'],
  ['an octet above ASCII in the name', 'A\x80b: c', 'HTTP1_ERR_FIELD_NAME'],
  ['a CR in the name', 'A\rb: c', 'HTTP1_ERR_FIELD_NAME'],
  ['a LF in the name', 'A\nb: c', 'HTTP1_ERR_BARE_LF'],
  ['NUL in the value', 'A: b\0c', 'HTTP1_ERR_FIELD_VALUE'],
  ['a form feed in the value', 'A: b\x0cc', 'HTTP1_ERR_FIELD_VALUE'],
  ['a vertical tab in the value', 'A:\x0bb', 'HTTP1_ERR_FIELD_VALUE'],
  ['an escape in the value', 'A: b\x1bc', 'HTTP1_ERR_FIELD_VALUE'],
  ['DEL in the value', 'A: b\x7fc', 'HTTP1_ERR_FIELD_VALUE'],
  ['a bare CR in the value', 'A: b\rc', 'HTTP1_ERR_BARE_CR'],
  ['a bare CR at the end of the value', 'A: b\r\r\nC: d', 'HTTP1_ERR_BARE_CR'],
  ['a bare LF behind the value', 'A: b\nC: d', 'HTTP1_ERR_BARE_LF'],
  ['LF CR', 'A: b\n\rC: d', 'HTTP1_ERR_BARE_LF'],
  ['a LF that ends the head', 'A: b\r\n\nC: d', 'HTTP1_ERR_BARE_LF'],
]

await t.test(
  'a field line that breaks the grammar is refused, in requests with 400 and in responses with 502',
  async t => {
    for (const [name, lines, code] of REFUSED) {
      const outcome = inAllPieces(request(lines), parseRequests)
      t.equal(verdict(outcome), code, name)
      t.match(outcome.events, [{ type: 'refusal', status: 400 }], name)
      const response = inAllPieces(octetsOf(`HTTP/1.1 200 OK\r\n${lines}\r\nContent-Length: 0\r\n\r\n`), parseResponses)
      t.match(response.events, [{ type: 'refusal', code, status: 502 }], name)
    }
  },
)

await t.test('whitespace in front of the first field is refused', async t => {
  t.equal(verdict(inAllPieces(octetsOf('GET / HTTP/1.1\r\n Host: a\r\n\r\n'), parseRequests)), 'HTTP1_ERR_OBS_FOLD')
  t.equal(
    verdict(inAllPieces(octetsOf('GET / HTTP/1.1\r\n\tX: b\r\nHost: a\r\n\r\n'), parseRequests)),
    'HTTP1_ERR_OBS_FOLD',
  )
})

await t.test('CR CR LF, CR x and LF LF do not end a head', async t => {
  for (const [end, code] of [
    ['\r\r\n', 'HTTP1_ERR_BARE_CR'],
    ['\rX', 'HTTP1_ERR_BARE_CR'],
    ['\n', 'HTTP1_ERR_BARE_LF'],
    ['\n\n', 'HTTP1_ERR_BARE_LF'],
    ['\0\r\n', 'HTTP1_ERR_FIELD_NAME'],
  ] as const) {
    t.equal(
      verdict(inAllPieces(octetsOf(`GET / HTTP/1.1\r\nHost: a\r\n${end}`), parseRequests)),
      code,
      JSON.stringify(end),
    )
  }
})

await t.test('every single octet in a name and in a value is either kept or refused', async t => {
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet)
    const inName = parseRequests(request(`A${character}b: c`))
    if (/[!#$%&'*+\-.^_`|~\dA-Za-z]/.test(character)) t.equal(headOf(inName).fields[1]![0], `A${character}b`)
    else if (character === ':') t.equal(headOf(inName).fields[1]![0], 'A')
    else t.match(verdict(inName), /^HTTP1_ERR_/, `octet ${octet} in a name`)
    const inValue = parseRequests(request(`A: b${character}c`))
    if (/[\t\x20-\x7e\x80-\xff]/.test(character)) t.equal(headOf(inValue).fields[1]![1], `b${character}c`)
    else t.match(verdict(inValue), /^HTTP1_ERR_/, `octet ${octet} in a value`)
  }
})

await t.test('the number of fields is limited exactly, and the columns grow up to it', async t => {
  const many = (count: number): Buffer => request(...Array.from({ length: count - 1 }, (_, i) => `X-${i}: ${i}`))
  const hundred = parseRequests(many(100))
  t.equal(kindsOf(hundred), 'head end')
  t.equal(headOf(hundred).fields.length, 100)
  t.same(headOf(hundred).fields[99], ['X-98', '98', false])
  t.match(parseRequests(many(101)).events, [{ type: 'refusal', code: 'HTTP1_ERR_TOO_MANY_FIELDS', status: 431 }])
  const limits = createLimits({ maxHeaders: 3 })
  const parse = (octets: Buffer, cuts: readonly number[]) => parseRequests(octets, cuts, limits)
  t.equal(verdict(inAllPieces(many(3), parse)), 'idle')
  t.equal(verdict(inAllPieces(many(4), parse)), 'HTTP1_ERR_TOO_MANY_FIELDS')
})

await t.test('the size of a head is limited exactly, its empty line included, however it is cut', async t => {
  const octets = request('A: b')
  const exact = createLimits({ maxHeadBytes: octets.length })
  t.equal(verdict(inAllPieces(octets, (o, cuts) => parseRequests(o, cuts, exact))), 'idle')
  const less = createLimits({ maxHeadBytes: octets.length - 1 })
  const outcome = inAllPieces(octets, (o, cuts) => parseRequests(o, cuts, less))
  t.match(outcome.events, [{ type: 'refusal', code: 'HTTP1_ERR_HEAD_TOO_LARGE', status: 431 }])
  t.equal(outcome.taken, octets.length - 1, 'no octet beyond the limit is taken')
  const endless = parseRequests(octetsOf(`GET / HTTP/1.1\r\nA: ${'b'.repeat(20_000)}`))
  t.match(endless, { events: [{ code: 'HTTP1_ERR_HEAD_TOO_LARGE' }], taken: 16_384 })
})

await t.test('a head of 16 KiB that comes octet by octet is read like a whole one', async t => {
  const octets = request(...Array.from({ length: 90 }, (_, i) => `X-${i}: ${'v'.repeat(160)}`))
  const whole = parseRequests(octets)
  t.equal(kindsOf(whole), 'head end')
  t.same(
    parseRequests(
      octets,
      Array.from({ length: octets.length - 1 }, (_, i) => i + 1),
    ),
    whole,
  )
})

await t.test('fields of a response are read alike', async t => {
  const outcome = inAllPieces(
    octetsOf('HTTP/1.1 200 OK\r\nA:b\r\nHost: x y\r\nContent-Length: 0\r\n\r\n'),
    parseResponses,
  )
  t.same(headOf(outcome).fields, [
    ['A', 'b', false],
    ['Host', 'x y', false],
    ['Content-Length', '0', false],
  ])
  const flood = octetsOf(`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(101)}\r\n`)
  t.match(parseResponses(flood, [], [METHOD.GET]).events, [{ code: 'HTTP1_ERR_TOO_MANY_FIELDS', status: 502 }])
})
