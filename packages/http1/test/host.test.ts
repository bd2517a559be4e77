import t from 'tap'
import fc from 'fast-check'
import { isIPv4, isIPv6 } from 'node:net'
import { Authority } from '../src/host.ts'
import { headOf, inAllPieces, octetsOf, parseRequests, verdict } from './recorder.ts'

function read(text: string): Authority | null {
  const authority = new Authority()
  // Octets around it that would be valid in it, or complete it: none may be read.
  const verdicts = ['1', ']', ':', 'f]'].map(behind =>
    authority.read(octetsOf(`1${text}${behind}`), 1, 1 + text.length),
  )
  if (new Set(verdicts).size !== 1) throw new Error(`What is read of ${text} depends on what stands behind it.`)
  return verdicts[0] === true ? authority : null
}

const VALID: readonly (readonly [text: string, host: string, port: number])[] = [
  ['a', 'a', -1],
  ['a.example', 'a.example', -1],
  ['a:80', 'a', 80],
  ['a:', 'a', -1],
  ['a:0', 'a', 0],
  ['a:65535', 'a', 65_535],
  ['a:00080', 'a', 80],
  ['127.0.0.1:8080', '127.0.0.1', 8080],
  ['999.1.1.1', '999.1.1.1', -1],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example', -1],
  ['under_score', 'under_score', -1],
  ['a%20b', 'a%20b', -1],
  ["!$&'()*+;=~", "!$&'()*+;=~", -1],
  ['[::1]', '[::1]', -1],
  ['[::1]:80', '[::1]', 80],
  ['[::ffff:1.2.3.4]', '[::ffff:1.2.3.4]', -1],
  ['[2001:DB8:0:0:0:0:0:1]', '[2001:DB8:0:0:0:0:0:1]', -1],
  ['[v1.a:b]', '[v1.a:b]', -1],
  ['[VF.~]:1', '[VF.~]', 1],
]

await t.test('a host is a name or an address with an optional port', async t => {
  for (const [text, host, port] of VALID) {
    const authority = read(text)
    t.not(authority, null, text)
    t.equal(text.slice(authority!.hostStart - 1, authority!.hostEnd - 1), host, text)
    t.equal(authority!.port, port, text)
  }
})

const INVALID = [
  '',
  ':80',
  ':',
  'a:b',
  'a:8o',
  'a:-1',
  'a:+1',
  'a: 1',
  'a:65536',
  'a:99999999999999999999',
  'a:80:80',
  'a b',
  'a,b',
  'a, b',
  'a/b',
  'a/',
  '/a',
  'a?b',
  'a#b',
  'a\\b',
  'a@b',
  '@a',
  'u:p@a',
  'a"b',
  'a<b>',
  'a^b',
  'a`b',
  'a{b}',
  'a|b',
  'a\tb',
  'a\0b',
  'a\x7f',
  'b\xc3\xbccher',
  'http://a',
  'a%',
  'a%2',
  'a%zz',
  'a%z0',
  'a%0z',
  '[',
  ']',
  '[]',
  '[]:80',
  '[::1',
  '::1',
  '::1]',
  '[::1]a',
  '[::1]80',
  'a[::1]',
  '[a]',
  '[1]',
  '[1.2.3.4]',
  '[:]',
  '[:1]',
  '[1:]',
  '[:::]',
  '[1::2::3]',
  '[1:2:3:4:5:6:7]',
  '[1:2:3:4:5:6:7:8:9]',
  '[1:2:3:4:5:6:7:8::]',
  '[12345::]',
  '[::g]',
  '[::1%25eth0]',
  '[::1%eth0]',
  '[::1.2.3]',
  '[::1.2.3.256]',
  '[::01.2.3.4]',
  '[::1.2.3.4:5]',
  '[::1]:x',
  '[v1]',
  '[v.a]',
  '[v1.]',
  '[vg.a]',
  '[v1.a/b]',
  '[[::1]]',
]

await t.test('what is none of them is refused', async t => {
  for (const text of INVALID) t.equal(read(text), null, JSON.stringify(text))
})

await t.test('an address literal is valid exactly when node:net says so', async t => {
  const piece = fc.constantFrom('0', '1', 'ffff', 'A0', '12345', 'g', ':', '::', '.', '1.2.3.4', '256.1.1.1', '')
  const nearly = fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join(''))
  const colons = fc
    .array(fc.constantFrom('0', 'f', 'ab12', ''), { minLength: 1, maxLength: 9 })
    .map(groups => groups.join(':'))
  const valid = fc.ipV6()
  let both = 0
  fc.assert(
    fc.property(fc.oneof(nearly, colons, valid), text => {
      const expected = isIPv6(text) && !text.includes('%')
      if (expected) both++
      return (read(`[${text}]`) !== null) === expected
    }),
    { numRuns: 3000 },
  )
  t.ok(both > 500, `${both} of the literals were valid`)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 }), parts => {
      return (read(`[::${parts.join('.')}]`) !== null) === isIPv4(parts.join('.'))
    }),
    { numRuns: 500 },
  )
})

await t.test('every single octet in a host is either part of it or refused', async t => {
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet)
    t.equal(read(`a${character}b`) !== null, /[-\w.~!$&'()*+;=]/.test(character), `octet ${octet}`)
  }
})

await t.test('HTTP/1.1 needs exactly one valid Host; HTTP/1.0 may do without, but not with two', async t => {
  const request = (version: string, ...fields: string[]): Buffer =>
    octetsOf([`GET / HTTP/${version}`, ...fields, '', ''].join('\r\n'))
  t.equal(verdict(inAllPieces(request('1.1'), parseRequests)), 'HTTP1_ERR_HOST_MISSING')
  t.equal(verdict(inAllPieces(request('1.2'), parseRequests)), 'HTTP1_ERR_HOST_MISSING')
  t.equal(headOf(inAllPieces(request('1.0'), parseRequests)).host, '')
  t.equal(headOf(inAllPieces(request('1.0', 'Host: a'), parseRequests)).host, 'a')
  for (const version of ['1.0', '1.1']) {
    t.equal(verdict(inAllPieces(request(version, 'Host: a', 'Host: b'), parseRequests)), 'HTTP1_ERR_HOST_DUPLICATE')
    t.equal(verdict(inAllPieces(request(version, 'Host: a', 'hOST: a'), parseRequests)), 'HTTP1_ERR_HOST_DUPLICATE')
    t.equal(verdict(inAllPieces(request(version, 'Host:'), parseRequests)), 'HTTP1_ERR_HOST_INVALID')
    t.equal(verdict(inAllPieces(request(version, 'Host: a, b'), parseRequests)), 'HTTP1_ERR_HOST_INVALID')
  }
  t.equal(headOf(parseRequests(request('1.1', 'Host: \t a:80\t '))).host, 'a:80')
  t.equal(headOf(parseRequests(request('1.1', 'Host: a:'))).host, 'a', 'the colon of an empty port is left out')
  t.equal(headOf(parseRequests(request('1.1', 'Host: [::1]:'))).host, '[::1]')
})

await t.test('Host has to agree with an absolute-form, in any case and with default ports', async t => {
  const request = (target: string, host: string): Buffer => octetsOf(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  for (const [target, host] of [
    ['http://a/', 'b'],
    ['http://a/', 'a:8080'],
    ['http://a:8080/', 'a'],
    ['https://a/', 'a:80'],
    ['http://a/', 'a:443'],
    ['http://a/', 'a.'],
    ['http://[::1]/', '[::2]'],
  ] as const) {
    t.equal(verdict(inAllPieces(request(target, host), parseRequests)), 'HTTP1_ERR_HOST_MISMATCH', `${target} ${host}`)
  }
  t.equal(verdict(parseRequests(octetsOf('GET http://a/ HTTP/1.1\r\n\r\n'))), 'HTTP1_ERR_HOST_MISSING')
  t.equal(headOf(parseRequests(octetsOf('GET http://a/ HTTP/1.0\r\n\r\n'))).host, 'a')
})
