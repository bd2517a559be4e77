import t from 'tap'
import { createLimits, SCHEME, TARGET_FORM } from '@plimsoll/http1'
import { headOf, inAllPieces, octetsOf, parseRequests, verdict } from './recorder.ts'

const request = (target: string, method = 'GET', host = 'a'): Buffer =>
  octetsOf(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
const strict = createLimits({ targetCharacters: 'rfc3986' })
const parseStrictly = (octets: Buffer, cuts: readonly number[]) => parseRequests(octets, cuts, strict)

await t.test('an origin-form goes on exactly as it came', async t => {
  for (const target of [
    '/',
    '//',
    '//evil.example/x',
    '/@evil.example',
    '/../../etc/passwd',
    '/a;b=c/d,e',
    '/http://b/',
    '/a?b?c',
    '/a%20b%2Fc%00',
    '/?%',
    '/a?100%25&x=50%',
    '/:80',
    "/-._~!$&'()*+,;=:@",
    '/a[0]{b}|c^d?e[]={f}|^',
  ]) {
    const head = headOf(inAllPieces(request(target), parseRequests))
    t.equal(head.targetForm, TARGET_FORM.origin, target)
    t.equal(head.path, target)
    t.equal(head.host, 'a')
    t.equal(head.scheme, SCHEME.none)
    t.equal(head.query, target.includes('?') ? target.slice(target.indexOf('?')) : '', target)
  }
})

const ABSOLUTE: readonly (readonly [target: string, host: string, path: string, hostField?: string])[] = [
  ['http://a/', 'a', '/'],
  ['http://a', 'a', '/'],
  ['HTTP://a/b?c', 'a', '/b?c'],
  ['https://a/b', 'a', '/b'],
  ['http://a?b=c', 'a', '/?b=c'],
  ['http://a?', 'a', '/?'],
  ['http://a:8080/x', 'a:8080', '/x', 'a:8080'],
  ['http://a:/x', 'a', '/x'],
  ['http://a:80/x', 'a:80', '/x', 'a'],
  ['http://a/x', 'a', '/x', 'a:80'],
  ['http://a/x', 'a', '/x', 'a:'],
  ['https://a:443/x', 'a:443', '/x', 'A'],
  ['http://A.example/x', 'A.example', '/x', 'a.EXAMPLE'],
  ['http://[::1]:8080/x', '[::1]:8080', '/x', '[::1]:8080'],
  ['http://[::1]?q', '[::1]', '/?q', '[::1]'],
  ['http://a//b', 'a', '//b'],
  ['http://a/?http://b@c', 'a', '/?http://b@c'],
  ['http://a/b@c', 'a', '/b@c'],
]

await t.test('an absolute-form gives its authority as the host and is sent on as its path', async t => {
  for (const [target, host, path, field] of ABSOLUTE) {
    for (const parse of [parseRequests, parseStrictly]) {
      const head = headOf(inAllPieces(request(target, 'GET', field ?? 'a'), parse))
      t.equal(head.targetForm, TARGET_FORM.absolute, target)
      t.equal(head.host, host, target)
      t.equal(head.path, path, target)
      t.equal(head.scheme, /^https/i.test(target) ? SCHEME.https : SCHEME.http)
    }
  }
})

await t.test('OPTIONS with an absolute-form without path and query is sent on as *', async t => {
  t.equal(headOf(inAllPieces(request('http://a', 'OPTIONS'), parseRequests)).path, '*')
  t.equal(headOf(inAllPieces(request('http://a:80', 'OPTIONS'), parseRequests)).path, '*')
  t.equal(headOf(inAllPieces(request('http://a/', 'OPTIONS'), parseRequests)).path, '/')
  t.equal(headOf(inAllPieces(request('http://a?x', 'OPTIONS'), parseRequests)).path, '/?x')
})

await t.test('* is for OPTIONS, host:port for CONNECT, and neither for anything else', async t => {
  const asterisk = headOf(inAllPieces(request('*', 'OPTIONS'), parseRequests))
  t.equal(asterisk.targetForm, TARGET_FORM.asterisk)
  t.equal(asterisk.path, '*')
  for (const [target, host] of [
    ['b.example:443', 'b.example:443'],
    ['[::1]:80', '[::1]:80'],
    ['10.0.0.1:0', '10.0.0.1:0'],
  ] as const) {
    const connect = headOf(inAllPieces(request(target, 'CONNECT'), parseRequests))
    t.equal(connect.targetForm, TARGET_FORM.authority)
    t.equal(connect.host, host)
    t.equal(connect.path, '')
  }
})

const REFUSED: readonly (readonly [name: string, target: string, code: string, method?: string])[] = [
  ['* with GET', '*', 'HTTP1_ERR_TARGET_FORM'],
  ['* with more', '*/x', 'HTTP1_ERR_TARGET_FORM', 'OPTIONS'],
  ['* with lower-case options', '*', 'HTTP1_ERR_TARGET_FORM', 'options'],
  ['authority-form with GET', 'b.example:443', 'HTTP1_ERR_TARGET_FORM'],
  ['a name without slash', 'index.html', 'HTTP1_ERR_TARGET_FORM'],
  ['@host (GHSA-qmw8-3v4g-gwj4)', '@evil.example', 'HTTP1_ERR_TARGET_FORM'],
  ['only a query', '?a=b', 'HTTP1_ERR_TARGET_FORM'],
  ['another scheme', 'ftp://a/', 'HTTP1_ERR_TARGET_FORM'],
  ['ws scheme', 'ws://a/', 'HTTP1_ERR_TARGET_FORM'],
  ['a scheme without slashes', 'http:a', 'HTTP1_ERR_TARGET_FORM'],
  ['a scheme with one slash', 'http:/a', 'HTTP1_ERR_TARGET_FORM'],
  ['javascript', 'javascript:alert(1)', 'HTTP1_ERR_TARGET_FORM'],
  ['CONNECT to a path', '/', 'HTTP1_ERR_TARGET_AUTHORITY', 'CONNECT'],
  ['CONNECT without a port', 'b.example', 'HTTP1_ERR_TARGET_AUTHORITY', 'CONNECT'],
  ['CONNECT with an empty port', 'b.example:', 'HTTP1_ERR_TARGET_AUTHORITY', 'CONNECT'],
  ['CONNECT with userinfo', 'u@b.example:1', 'HTTP1_ERR_TARGET_AUTHORITY', 'CONNECT'],
  ['CONNECT to a URI', 'http://b/', 'HTTP1_ERR_TARGET_AUTHORITY', 'CONNECT'],
  ['userinfo', 'http://u@a/', 'HTTP1_ERR_TARGET_USERINFO'],
  ['userinfo with password', 'http://u:p@a/', 'HTTP1_ERR_TARGET_USERINFO'],
  ['empty userinfo', 'http://@a/', 'HTTP1_ERR_TARGET_USERINFO'],
  ['an empty host', 'http:///x', 'HTTP1_ERR_TARGET_AUTHORITY'],
  ['an empty host with port', 'http://:80/', 'HTTP1_ERR_TARGET_AUTHORITY'],
  ['no host at all', 'http://', 'HTTP1_ERR_TARGET_AUTHORITY'],
  ['a port that is no number', 'http://a:b/', 'HTTP1_ERR_TARGET_AUTHORITY'],
  ['a port above 65535', 'http://a:65536/', 'HTTP1_ERR_TARGET_AUTHORITY'],
  ['a host with a bracket', 'http://a[/', 'HTTP1_ERR_TARGET_AUTHORITY'],
  ['a fragment (CVE-2023-45539)', '/a#b', 'HTTP1_ERR_TARGET_FRAGMENT'],
  ['only a fragment', '#', 'HTTP1_ERR_TARGET_FRAGMENT'],
  ['a fragment behind a query', '/a?b#c', 'HTTP1_ERR_TARGET_FRAGMENT'],
  ['a fragment behind a host', 'http://a#b', 'HTTP1_ERR_TARGET_FRAGMENT'],
  ['an escape of one digit', '/a%2', 'HTTP1_ERR_TARGET_ESCAPE'],
  ['an escape of no digit', '/a%', 'HTTP1_ERR_TARGET_ESCAPE'],
  ['an escape with one other letter in front', '/%z0x', 'HTTP1_ERR_TARGET_ESCAPE'],
  ['an escape with one other letter behind', '/%0zx', 'HTTP1_ERR_TARGET_ESCAPE'],
  ['an escape with other letters', '/%zz', 'HTTP1_ERR_TARGET_ESCAPE'],
  ['an escape that reaches into the query', '/%2?0', 'HTTP1_ERR_TARGET_ESCAPE'],
  ['a backslash', '/a\\b', 'HTTP1_ERR_TARGET'],
  ['a backslash in the query', '/?a\\b', 'HTTP1_ERR_TARGET'],
  ['a quote', '/"', 'HTTP1_ERR_TARGET'],
  ['angle brackets', '/<script>', 'HTTP1_ERR_TARGET'],
  ['a backtick', '/`', 'HTTP1_ERR_TARGET'],
  ['NUL', '/a\0', 'HTTP1_ERR_TARGET'],
  ['a control character', '/a\x1f', 'HTTP1_ERR_TARGET'],
  ['DEL', '/a\x7f', 'HTTP1_ERR_TARGET'],
  ['UTF-8', '/\xc3\xa9', 'HTTP1_ERR_TARGET'],
  ['an overlong slash', '/\xc0\xaf', 'HTTP1_ERR_TARGET'],
]

await t.test('a target that has no valid form is refused', async t => {
  for (const [name, target, code, method] of REFUSED) {
    t.equal(verdict(inAllPieces(request(target, method), parseRequests)), code, name)
    t.equal(verdict(inAllPieces(request(target, method), parseStrictly)), code, `${name}, by the letter`)
  }
})

await t.test('by the letter of RFC 3986, what only browsers send is refused', async t => {
  for (const target of ['/a|b', '/a^b', '/{a}', '/?{a}', '/?a|b']) {
    t.equal(verdict(inAllPieces(request(target), parseStrictly)), 'HTTP1_ERR_TARGET', target)
    t.equal(verdict(parseRequests(request(target))), 'idle', target)
  }
  for (const target of ['/a[0]', '/?a[]=b', 'http://a/[', 'http://a?]']) {
    t.equal(verdict(inAllPieces(request(target), parseStrictly)), 'HTTP1_ERR_TARGET', target)
    t.equal(verdict(parseRequests(request(target))), 'idle', target)
  }
  for (const target of ['/?a=100%', '/?%zz', '/?%2']) {
    t.equal(verdict(inAllPieces(request(target), parseStrictly)), 'HTTP1_ERR_TARGET_ESCAPE', target)
    t.equal(verdict(parseRequests(request(target))), 'idle', target)
  }
  t.equal(verdict(parseStrictly(request('http://[::1]/a%20b?c%20d', 'GET', '[::1]'), [])), 'idle')
})

await t.test('every single octet in a path is either passed on as it is or refused', async t => {
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet)
    const outcome = parseRequests(request(`/a${character}b`))
    if (/[-\w.~!$&'()*+,;=:@/?[\]{}|^]/.test(character)) t.equal(headOf(outcome).path, `/a${character}b`)
    else t.match(verdict(outcome), /^HTTP1_ERR_/, `octet ${octet}`)
  }
})
