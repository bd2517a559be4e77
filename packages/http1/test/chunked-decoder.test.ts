import t from 'tap'
import fc from 'fast-check'
import { createLimits } from '@plimsoll/http1'
import {
  contentOf,
  inAllPieces,
  kindsOf,
  octetsOf,
  parseRequests,
  parseResponses,
  verdict,
  type Outcome,
} from './recorder.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
const parse = (body: string): Outcome => inAllPieces(octetsOf(HEAD + body), parseRequests)

const VALID: readonly (readonly [name: string, body: string, content: string])[] = [
  ['no chunk', '0\r\n\r\n', ''],
  ['one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['several chunks', '1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n', 'abcdef'],
  ['both cases of digits', 'a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n', '01234567890123456789a'],
  ['leading zeros', '0000000000000005\r\nhello\r\n00\r\n\r\n', 'hello'],
  [
    'more leading zeros than a number of 64 bits has',
    `${'0'.repeat(40)}5\r\nhello\r\n${'0'.repeat(40)}\r\n\r\n`,
    'hello',
  ],
  ['data that looks like framing', '7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n'],
  ['an extension', '5;a\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['an extension with a value', '5;a=b\r\nhello\r\n0;c=d;e\r\n\r\n', 'hello'],
  ['an extension with a quoted value', '5;a="b;c=\\"\\\\ \t\xe9"\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['an empty quoted value', '5;a=""\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['bad whitespace around ; and =', '5 \t; a = b ;\tc=\t"d" ; e\r\nhello\r\n0\r\n\r\n', 'hello'],
]

await t.test('chunks are decoded into content, whatever extensions they have', async t => {
  for (const [name, body, content] of VALID) {
    const outcome = parse(body)
    t.equal(contentOf(outcome), content, name)
    t.equal(kindsOf(outcome), content === '' ? 'head end' : 'head body end', name)
  }
})

await t.test('a size of 2^53 - 1 can be counted', async t => {
  const outcome = parse('1fffffffffffff\r\nabc')
  t.equal(verdict(outcome), 'truncated')
  t.equal(contentOf(outcome), 'abc')
})

const REFUSED: readonly (readonly [name: string, body: string, code: string, content?: string])[] = [
  ['no size', '\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a size with a sign', '+5\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a negative size', '-1\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a size with an underscore', '1_0\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a size that is no number', 'g\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a size with a letter behind', '5g\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a tab before the size', '\t5\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['NUL behind the size', '5\0\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a comma behind the size', '5,\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['only an extension', ';a\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
  ['a space behind the size', '5 \r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a word behind the size', '5 a\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a size of 17 digits', '50000000000000000\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE_TOO_LARGE'],
  ['a size of 2^53', '20000000000000\r\n', 'HTTP1_ERR_CHUNK_SIZE_TOO_LARGE'],
  ['a size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE_TOO_LARGE'],
  ['a size of 2^64 - 1', 'ffffffffffffffff\r\n', 'HTTP1_ERR_CHUNK_SIZE_TOO_LARGE'],
  ['LF behind the size', '5\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_LF'],
  ['CR without LF behind the size', '5\rhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_CR'],
  ['CR CR LF behind the size', '5\r\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_CR'],
  ['an extension without a name', '5;\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['an extension with a space for a name', '5; \r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['an extension that is only =', '5;=b\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['an extension without a value', '5;a=\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['two extensions without ; between', '5;a b\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['two semicolons', '5;;a\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['two values', '5;a=b=c\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a space behind an extension', '5;a \r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a space behind a quoted value', '5;a="b" \r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a word behind a quoted value', '5;a="b"c\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a quote that is not closed', '5;a="b\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a quoted CR LF', '5;a="b\r\nc"\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['an escaped CR', '5;a="b\\\r\n"\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['NUL in an extension', '5;a\0\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['NUL in a quoted value', '5;a="\0"\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['a control character in an extension', '5;a=\x01\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['an octet above ASCII in a name', '5;\xe9\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
  ['LF in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_LF'],
  ['LF in a quoted value', '5;a="\n"\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_LF'],
  ['CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_CR'],
  ['data longer than the size', '4\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hell'],
  ['data shorter than the size', '6\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hello\r'],
  ['data shorter by two', '7\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hello\r\n'],
  ['LF behind the data', '5\r\nhello\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hello'],
  ['CR behind the data', '5\r\nhello\r0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hello'],
  ['two other octets behind the data', '5\r\nhelloXX0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hello'],
  ['another octet and LF behind the data', '5\r\nhelloX\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hello'],
  ['nothing behind the data', '5\r\nhello0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR', 'hello'],
  ['LF behind the last size', '0\n\r\n', 'HTTP1_ERR_BARE_LF'],
  ['LF for the last line', '0\r\n\n', 'HTTP1_ERR_BARE_LF'],
  ['CR for the last line', '0\r\n\rX', 'HTTP1_ERR_BARE_CR'],
  ['CR CR LF for the last line', '0\r\n\r\r\n', 'HTTP1_ERR_BARE_CR'],
  ['a space before the last line', '0\r\n \r\n', 'HTTP1_ERR_OBS_FOLD'],
]

await t.test('a chunk that breaks the grammar is refused, and only content in front of it was passed on', async t => {
  for (const [name, body, code, content] of REFUSED) {
    const outcome = parse(body)
    t.equal(verdict(outcome), code, name)
    t.equal(contentOf(outcome), content ?? '', name)
  }
})

await t.test('zeros in front of a size count as extensions do, so that they come to an end', async t => {
  const limits = createLimits({ maxChunkExtensionBytes: 100 })
  const zeros = (count: number) =>
    inAllPieces(octetsOf(`${HEAD}${'0'.repeat(count)}5\r\nhello\r\n0\r\n\r\n`), (octets, cuts) =>
      parseRequests(octets, cuts, limits),
    )
  t.equal(contentOf(zeros(100)), 'hello')
  t.equal(verdict(zeros(200)), 'HTTP1_ERR_CHUNK_SIZE_TOO_LARGE')
})

await t.test('a trailer section is validated as fields are, and given with what may be forwarded', async t => {
  const outcome = parse(
    '3\r\nabc\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\nhost: b\r\nAuthorization: c\r\nX_Real_IP: d\r\nETag:e\r\n\r\n',
  )
  t.equal(kindsOf(outcome), 'head body trailers end')
  t.match(outcome.events[2], {
    fields: [
      ['X-Sum', '1', false],
      ['Content-Length', '5', true],
      ['host', 'b', true],
      ['Authorization', 'c', true],
      ['X_Real_IP', 'd', true],
      ['ETag', 'e', false],
    ],
  })
  t.equal(
    kindsOf(parse('0\r\nTransfer-Encoding: chunked\r\n\r\n')),
    'head end',
    'nothing is told where all are dropped',
  )
  for (const [line, code] of [
    ['A : b', 'HTTP1_ERR_SPACE_BEFORE_COLON'],
    ['A', 'HTTP1_ERR_FIELD_NAME'],
    ['A: b\nC: d', 'HTTP1_ERR_BARE_LF'],
    ['A: b\rC: d', 'HTTP1_ERR_BARE_CR'],
    ['A: b\0', 'HTTP1_ERR_FIELD_VALUE'],
    ['A: b\r\n c', 'HTTP1_ERR_OBS_FOLD'],
    ['GET / HTTP/1.1', 'HTTP1_ERR_SPACE_BEFORE_COLON'],
  ] as const) {
    t.equal(verdict(parse(`0\r\n${line}\r\n\r\n`)), code, line)
  }
})

await t.test('framing fields in a trailer section have no effect on the message or on the next one', async t => {
  const one = octetsOf(`${HEAD}0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\nConnection: close\r\nA: b\r\n\r\n`)
  const outcome = inAllPieces(Buffer.concat([one, one]), parseRequests)
  t.equal(kindsOf(outcome), 'head trailers end head trailers end')
  const senseless = 'Content-Length: x\r\nTransfer-Encoding: ;\r\nConnection: @\r\nHost: [\r\nHost: ]\r\n'
  t.equal(kindsOf(parse(`0\r\n${senseless}\r\n`)), 'head end', 'nor is their value looked at')
})

await t.test('the limits on content, extensions and trailers are exact, and count over all chunks', async t => {
  const limits = createLimits({ maxBodyBytes: 6, maxChunkExtensionBytes: 4, maxTrailerBytes: 12, maxTrailers: 2 })
  const within = (body: string): Outcome =>
    inAllPieces(octetsOf(HEAD + body), (octets, cuts) => parseRequests(octets, cuts, limits))
  t.equal(contentOf(within('3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n')), 'abcdef')
  const tooLarge = within('3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n')
  t.equal(contentOf(tooLarge), 'abc', 'a chunk that is announced too large is not passed on')
  t.match(tooLarge.events.at(-1), { code: 'HTTP1_ERR_BODY_TOO_LARGE', status: 413 })
  t.equal(verdict(within('ffffffffff\r\n')), 'HTTP1_ERR_BODY_TOO_LARGE')
  t.equal(contentOf(within('1;a\r\na\r\n1;b\r\nb\r\n0\r\n\r\n')), 'ab')
  t.equal(verdict(within('1;a\r\na\r\n1;bc\r\nb\r\n0\r\n\r\n')), 'HTTP1_ERR_CHUNK_EXTENSIONS_TOO_LARGE')
  t.equal(verdict(within('1     ;a\r\na\r\n0\r\n\r\n')), 'HTTP1_ERR_CHUNK_EXTENSIONS_TOO_LARGE')
  t.equal(verdict(within('0\r\nA:b\r\nC:d\r\n\r\n')), 'idle')
  t.equal(verdict(within('0\r\nA:b\r\nC:de\r\n\r\n')), 'HTTP1_ERR_TRAILERS_TOO_LARGE')
  t.equal(verdict(within('0\r\nA:\r\nB:\r\nC:\r\n\r\n')), 'HTTP1_ERR_TOO_MANY_TRAILERS')
  const noExtension = createLimits({ maxChunkExtensionBytes: 0 })
  t.equal(verdict(parseRequests(octetsOf(`${HEAD}1;a\r\n`), [], noExtension)), 'HTTP1_ERR_CHUNK_EXTENSIONS_TOO_LARGE')
})

await t.test('limits begin anew with each message of a connection', async t => {
  const limits = createLimits({ maxBodyBytes: 3, maxChunkExtensionBytes: 2 })
  const one = `${HEAD}3;a\r\nabc\r\n0\r\n\r\n`
  t.equal(kindsOf(parseRequests(octetsOf(one + one + one), [], limits)), 'head body end head body end head body end')
})

await t.test('the octets of any size line decide alone, in requests and responses', async t => {
  const responseHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet)
    const body = `1${character}\r\n${'x'.repeat(1)}`
    const request = parseRequests(octetsOf(HEAD + body))
    const response = parseResponses(octetsOf(responseHead + body))
    const isDigit = /[\da-fA-F]/.test(character)
    t.equal(verdict(request).startsWith('HTTP1_ERR_'), !isDigit, `octet ${octet}`)
    t.equal(verdict(response), verdict(request))
  }
})

await t.test('any content in any chunks comes out as it went in', async () => {
  const chunk = fc.record({
    data: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    zeros: fc.integer({ min: 0, max: 12 }),
    upper: fc.boolean(),
    extension: fc.constantFrom('', ';a', ';a=b', ' ; a = "b\\"c;" ;d'),
  })
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 6 }), (chunks, cuts) => {
      const pieces = chunks.flatMap(({ data, zeros, upper, extension }) => {
        const digits = data.length.toString(16)
        const size = '0'.repeat(zeros) + (upper ? digits.toUpperCase() : digits)
        return [octetsOf(`${size}${extension}\r\n`), Buffer.from(data), octetsOf('\r\n')]
      })
      const octets = Buffer.concat([octetsOf(HEAD), ...pieces, octetsOf('0\r\n\r\n')])
      const places = [...new Set(cuts.map(cut => 1 + (cut % (octets.length - 1))))].toSorted((a, b) => a - b)
      const outcome = parseRequests(octets, places)
      return (
        outcome.finish === 'idle' &&
        contentOf(outcome) === Buffer.concat(chunks.map(({ data }) => data)).toString('latin1')
      )
    }),
    { numRuns: 300 },
  )
})
