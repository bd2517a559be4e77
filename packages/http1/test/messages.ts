// Generators of messages: well-formed ones, and ones put together from the pieces that parsers have stumbled over, so that random
// testing spends its time near the edges of the grammar instead of in noise.

import fc from 'fast-check'

const pick = <Item>(...items: Item[]): fc.Arbitrary<Item> => fc.constantFrom(...items)
const charactersOf = (all: string): fc.Arbitrary<string> => fc.constantFrom(...all.split(''))
/** Mostly the first, now and then one of the others. */
const mostly = <Item>(usual: fc.Arbitrary<Item>, odd: fc.Arbitrary<Item>): fc.Arbitrary<Item> =>
  fc.oneof({ arbitrary: usual, weight: 40 }, { arbitrary: odd, weight: 1 })

const lineEnd = mostly(pick('\r\n'), pick('\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', ''))
const space = mostly(pick(' '), pick('', '  ', '\t', '\x0b', '\r\n '))

export const token = fc.string({ unit: charactersOf("!#$%&'*+-.^_`|~0189AZaz"), minLength: 1, maxLength: 8 })
export const fieldValue = fc
  .string({ unit: charactersOf(' \t!"#,:;=@\\az09~\x80\xff'), maxLength: 20 })
  .map(value => value.replaceAll(/^[ \t]+|[ \t]+$/g, ''))

const method = mostly(
  pick('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'PATCH', 'get'),
  token,
)
const target = mostly(
  pick(
    '/',
    '/a/b?c=d',
    '//x',
    '/%41',
    '/a|b',
    'http://a/',
    'http://a',
    'http://a?q',
    'https://A:443/x',
    'http://b:80/y',
  ),
  pick(
    '*',
    'a:80',
    '@a',
    '/#',
    '/%',
    '/%zz',
    '/?%',
    'http://u@a/',
    'http:///',
    'ftp://a/',
    '/a b',
    '/\x80',
    '[',
    'http://[::1]/',
    '/[]',
  ),
)
const version = mostly(
  pick('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
  pick('HTTP/1.2', 'HTTP/2.0', 'HTTP/1', 'http/1.1', 'HTTP/1.11', ''),
)

const name = mostly(
  fc.oneof(
    token,
    pick(
      'Host',
      'Connection',
      'Content-Length',
      'Transfer-Encoding',
      'TE',
      'Trailer',
      'Upgrade',
      'Expect',
      'Keep-Alive',
      'Cookie',
      'X-Forwarded-For',
      'x_forwarded_for',
      'A',
      'B',
    ),
  ),
  pick('', ' A', 'A ', 'A\t', 'A\0', 'A\x80', 'A(', 'A\r', 'A\n'),
)
const listItem = pick(
  'chunked',
  'Chunked',
  'gzip',
  'close',
  'keep-alive',
  'upgrade',
  'websocket',
  'a',
  'b',
  'host',
  'content-length',
  '100-continue',
  '',
)
const value = fc.oneof(
  { arbitrary: fieldValue, weight: 3 },
  { arbitrary: fc.array(listItem, { maxLength: 3 }).map(items => items.join(', ')), weight: 3 },
  {
    arbitrary: pick(
      'a',
      'a:80',
      'b',
      'A',
      '[::1]',
      '0',
      '3',
      '3',
      '3, 3',
      '03',
      '4',
      'chunked',
      'close',
      '-1',
      '+3',
      '3 3',
      'a,b',
      '0x3',
    ),
    weight: 4,
  },
  { arbitrary: pick('a\0', 'a\rb', 'a\nb', 'a\r\n b', '\x0bchunked', 'a\x7f'), weight: 1 },
)
/** A field that any parser should take. */
const plainField = fc
  .tuple(fc.oneof(token, pick('A', 'Cookie', 'Accept', 'X-Forwarded-For', 'x_forwarded_for', 'Trailer')), fieldValue)
  .map(([plainName, plainValue]) => `${plainName}: ${plainValue}\r\n`)
/** A field that some parser may stumble over. */
const hardField = fc
  .tuple(
    name,
    mostly(pick(': ', ':', ':\t', ': \t '), pick(' :', '', '=', '::')),
    value,
    mostly(pick(''), pick(' ', '\t ')),
    lineEnd,
  )
  .map(parts => parts.join(''))
const field = fc.oneof({ arbitrary: plainField, weight: 3 }, { arbitrary: hardField, weight: 1 })
const usualHost = mostly(
  pick('Host: a\r\n'),
  pick('', 'Host: b\r\n', 'Host: a\r\nHost: a\r\n', 'Host: a b\r\n', 'Host:\r\n'),
)

const chunk = mostly(
  pick('3\r\nabc\r\n', '1;a=b\r\nx\r\n', '0005\r\nhello\r\n', 'A;a="b"\r\n0123456789\r\n'),
  pick(
    '3\nabc\r\n',
    '3\r\nabcd\r\n',
    '3\r\nab\r\n',
    ' 3\r\nabc\r\n',
    '3 \r\nabc\r\n',
    '3;\r\nabc\r\n',
    'g\r\n',
    '\r\n',
    '3;a\nb\r\nabc\r\n',
    '-1\r\n',
    '3\r\nabc',
    'ffffffffffffffff\r\n',
  ),
)
const chunks = fc
  .tuple(
    fc.array(chunk, { maxLength: 3 }),
    mostly(pick('0\r\n\r\n', '0\r\nA: b\r\n\r\n'), pick('0\r\n', '0\n\r\n', '0\r\n\n', '00;a\r\n\r\n', '')),
  )
  .map(([all, last]) => all.join('') + last)
/** Framing fields with content that fits them, or fields and content that have nothing to do with each other. */
type Framed = [fields: string, content: string]
const framed: fc.Arbitrary<Framed> = mostly(
  fc.oneof(
    fc.constant<Framed>(['', '']),
    pick('', 'abc', '0\r\n\r\n', '\r\nGET / HTTP/1.1').map((content): Framed => [
      `Content-Length: ${content.length}\r\n`,
      content,
    ]),
    chunks.map((content): Framed => ['Transfer-Encoding: chunked\r\n', content]),
  ),
  fc.tuple(
    pick(
      '',
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
    ),
    fc.oneof(pick('abc', 'abcd', '\r\n'), chunks),
  ),
)

/** Joins a message's parts; those of `framed` stand in front and behind the end of the head. */
function withContent(parts: readonly (string | readonly string[])[]): string {
  const at = parts.length - 3
  const [fields, content] = parts[at] as readonly [string, string]
  return [...parts.slice(0, at).flat(), fields, ...parts.slice(at + 1).flat(), content].join('')
}

/** A request or something like one, as text with one character per octet. */
export const requestText: fc.Arbitrary<string> = fc
  .tuple(
    mostly(pick(''), pick('\r\n', '\r\n\r\n\r\n', '\n', ' ')),
    method,
    space,
    target,
    space,
    version,
    lineEnd,
    usualHost,
    fc.array(field, { maxLength: 4 }),
    framed,
    fc.array(field, { maxLength: 2 }),
    lineEnd,
  )
  .map(parts => withContent(parts))

/** A response or something like one. */
export const responseText: fc.Arbitrary<string> = fc
  .tuple(
    version,
    space,
    mostly(pick('200', '404', '204', '304', '100', '103', '500'), pick('101', '000', '99', '2000', '600', '20x', '')),
    space,
    mostly(pick('', 'OK', 'Not Found', 'a\tb \xe9'), pick('a\0', 'a\rb', 'a\nb')),
    lineEnd,
    fc.array(field, { maxLength: 4 }),
    framed,
    fc.array(field, { maxLength: 2 }),
    lineEnd,
  )
  .map(parts => withContent(parts))

/** One to three requests behind one another. */
export const requestStream: fc.Arbitrary<string> = fc
  .array(requestText, { minLength: 1, maxLength: 3 })
  .map(all => all.join(''))

/** Up to six ascending places inside a message of this length. */
export function cutsOf(places: readonly number[], length: number): number[] {
  if (length < 2) return []
  return [...new Set(places.map(place => 1 + (place % (length - 1))))].toSorted((a, b) => a - b)
}

/** A message in which a few octets were replaced, removed, doubled or put in. */
export function mutated(text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const octet = fc.oneof(
    pick(...'\r\n\t :;,=0\0\x7f\x80"\\'.split('')),
    fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
  )
  const edit = fc.tuple(fc.nat(), pick('replace', 'remove', 'double', 'insert'), octet)
  return fc.tuple(text, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([given, edits]) => {
    let changed = given
    for (const [place, kind, character] of edits) {
      const at = place % (changed.length + 1)
      const rest = changed.slice(at + (kind === 'replace' || kind === 'remove' ? 1 : 0))
      const put = kind === 'remove' ? '' : kind === 'double' ? (changed[at] ?? '') : character
      changed = changed.slice(0, at) + put + rest
    }
    return Buffer.from(changed, 'latin1')
  })
}

/** Octets without sense. */
export const noise: fc.Arbitrary<Buffer> = fc.uint8Array({ maxLength: 120 }).map(octets => Buffer.from(octets))
