import t from 'tap'
import { createLimits, METHOD, TARGET_FORM } from '@plimsoll/http1'
import { headOf, inAllPieces, kindsOf, octetsOf, parseRequests, verdict } from './recorder.ts'

const HOST = '\r\nHost: a\r\n\r\n'

await t.test('a request line is a method, one space, a target, one space, a version and CRLF', async t => {
  const outcome = inAllPieces(octetsOf(`GET /a/b?c=d&e HTTP/1.1${HOST}`), parseRequests)
  const head = headOf(outcome)
  t.equal(kindsOf(outcome), 'head end')
  t.equal(head.method, 'GET')
  t.equal(head.methodId, METHOD.GET)
  t.equal(head.target, '/a/b?c=d&e')
  t.equal(head.targetForm, TARGET_FORM.origin)
  t.equal(head.path, '/a/b?c=d&e')
  t.equal(head.query, '?c=d&e')
  t.equal(head.versionMinor, 1)
})

await t.test('a method is any token, kept in its case', async t => {
  for (const method of ['PATCH', 'get', 'M-SEARCH', "!#$%&'*+-.^_`|~09azAZ", 'X', 'GETT', 'GE', 'HEAC', 'OPTIONT']) {
    const head = headOf(inAllPieces(octetsOf(`${method} / HTTP/1.1${HOST}`), parseRequests))
    t.equal(head.method, method)
    t.equal(head.methodId, method === 'PATCH' ? METHOD.PATCH : METHOD.other, method)
  }
})

await t.test('every method of RFC 9110 has its id', async t => {
  for (const [name, id] of Object.entries(METHOD)) {
    if (name === 'other' || name === 'CONNECT') continue
    t.equal(headOf(parseRequests(octetsOf(`${name} / HTTP/1.1${HOST}`))).methodId, id, name)
  }
})

const REFUSED: readonly (readonly [name: string, line: string, code: string])[] = [
  ['two spaces behind the method', 'GET  / HTTP/1.1', 'HTTP1_ERR_TARGET'],
  ['two spaces behind the target', 'GET /  HTTP/1.1', 'HTTP1_ERR_VERSION'],
  ['a tab behind the method', 'GET\t/ HTTP/1.1', 'HTTP1_ERR_METHOD'],
  ['a tab behind the target', 'GET /\tHTTP/1.1', 'HTTP1_ERR_TARGET'],
  ['a vertical tab behind the target', 'GET /\x0bHTTP/1.1', 'HTTP1_ERR_TARGET'],
  ['a space before the method', ' GET / HTTP/1.1', 'HTTP1_ERR_METHOD'],
  ['a space behind the version', 'GET / HTTP/1.1 ', 'HTTP1_ERR_VERSION'],
  ['a word behind the version', 'GET / HTTP/1.1 x', 'HTTP1_ERR_VERSION'],
  ['no target', 'GET HTTP/1.1', 'HTTP1_ERR_VERSION'],
  ['no method', '/ HTTP/1.1', 'HTTP1_ERR_METHOD'],
  ['a method with a separator', 'GE(T / HTTP/1.1', 'HTTP1_ERR_METHOD'],
  ['a method with a colon', 'GET: / HTTP/1.1', 'HTTP1_ERR_METHOD'],
  ['a method above ASCII', 'G\xc3\x89T / HTTP/1.1', 'HTTP1_ERR_METHOD'],
  ['a method with NUL', 'GET\0 / HTTP/1.1', 'HTTP1_ERR_METHOD'],
  ['a method of 33 octets', `${'M'.repeat(33)} / HTTP/1.1`, 'HTTP1_ERR_METHOD_TOO_LONG'],
  ['a ClientHello of TLS', '\x16\x03\x01\x02\0\x01', 'HTTP1_ERR_METHOD'],
  ['HTTP/0.9: no version', 'GET /', 'HTTP1_ERR_VERSION'],
  ['HTTP/0.9 by name', 'GET / HTTP/0.9', 'HTTP1_ERR_VERSION_NOT_SUPPORTED'],
  ['HTTP/2.0', 'GET / HTTP/2.0', 'HTTP1_ERR_VERSION_NOT_SUPPORTED'],
  ['HTTP/9.1', 'GET / HTTP/9.1', 'HTTP1_ERR_VERSION_NOT_SUPPORTED'],
  ['HTTP/2', 'GET / HTTP/2', 'HTTP1_ERR_VERSION'],
  ['HTTP/1', 'GET / HTTP/1', 'HTTP1_ERR_VERSION'],
  ['HTTP/1.', 'GET / HTTP/1.', 'HTTP1_ERR_VERSION'],
  ['HTTP/1.10', 'GET / HTTP/1.10', 'HTTP1_ERR_VERSION'],
  ['HTTP/01.1', 'GET / HTTP/01.1', 'HTTP1_ERR_VERSION'],
  ['HTTP/1,1', 'GET / HTTP/1,1', 'HTTP1_ERR_VERSION'],
  ['HTTP/ 1.1', 'GET / HTTP/ 1.1', 'HTTP1_ERR_VERSION'],
  ['HTTP 1.1', 'GET / HTTP 1.1', 'HTTP1_ERR_VERSION'],
  ['a name in lower case', 'GET / http/1.1', 'HTTP1_ERR_VERSION'],
  ['another name', 'GET / HTTPS/1.1', 'HTTP1_ERR_VERSION'],
  ['a name that ends in HTTP', 'GET / XHTTP/1.1', 'HTTP1_ERR_VERSION'],
  ['RTSP', 'GET / RTSP/1.0', 'HTTP1_ERR_VERSION'],
  ['a minor version that is no digit', 'GET / HTTP/1.x', 'HTTP1_ERR_VERSION'],
]

await t.test('a request line that breaks the grammar is refused', async t => {
  for (const [name, line, code] of REFUSED) {
    t.equal(verdict(inAllPieces(octetsOf(line + HOST), parseRequests)), code, name)
  }
})

await t.test('a request line that ends with LF alone, or with CR alone, is refused', async t => {
  t.equal(verdict(inAllPieces(octetsOf('GET / HTTP/1.1\nHost: a\r\n\r\n'), parseRequests)), 'HTTP1_ERR_BARE_LF')
  t.equal(verdict(inAllPieces(octetsOf('GET /\nHost: a\r\n\r\n'), parseRequests)), 'HTTP1_ERR_BARE_LF')
  t.equal(verdict(inAllPieces(octetsOf('GET / HTTP/1.1\rHost: a\r\n\r\n'), parseRequests)), 'HTTP1_ERR_BARE_CR')
  t.equal(verdict(inAllPieces(octetsOf('GET / HTTP/1.1\r\r\nHost: a\r\n\r\n'), parseRequests)), 'HTTP1_ERR_BARE_CR')
})

await t.test('a later minor version is taken for HTTP/1.1, and HTTP/1.0 for itself', async t => {
  t.equal(headOf(inAllPieces(octetsOf(`GET / HTTP/1.2${HOST}`), parseRequests)).versionMinor, 1)
  t.equal(headOf(inAllPieces(octetsOf(`GET / HTTP/1.9${HOST}`), parseRequests)).versionMinor, 1)
  t.equal(headOf(inAllPieces(octetsOf(`GET / HTTP/1.0${HOST}`), parseRequests)).versionMinor, 0)
})

await t.test('up to two empty lines before a request line are skipped, for each request anew', async t => {
  const one = `\r\n\r\nGET / HTTP/1.1${HOST}`
  t.equal(kindsOf(inAllPieces(octetsOf(one + one), parseRequests)), 'head end head end')
  t.equal(verdict(inAllPieces(octetsOf(`\r\n${one}`), parseRequests)), 'HTTP1_ERR_EMPTY_LINES')
  t.equal(verdict(inAllPieces(octetsOf(`\r\n \r\nGET / HTTP/1.1${HOST}`), parseRequests)), 'HTTP1_ERR_METHOD')
  t.equal(verdict(inAllPieces(octetsOf(`\nGET / HTTP/1.1${HOST}`), parseRequests)), 'HTTP1_ERR_BARE_LF')
  t.equal(verdict(inAllPieces(octetsOf(`\rGET / HTTP/1.1${HOST}`), parseRequests)), 'HTTP1_ERR_BARE_CR')
  t.equal(verdict(parseRequests(octetsOf('\r\n\r\n'))), 'idle', 'empty lines alone are no request')
})

await t.test('the limits of method, target and empty lines are exact', async t => {
  const limits = createLimits({ maxMethodBytes: 4, maxTargetBytes: 5, maxLeadingEmptyLines: 0 })
  const parse = (octets: Buffer, cuts: readonly number[]) => parseRequests(octets, cuts, limits)
  t.equal(verdict(inAllPieces(octetsOf(`POST /1234 HTTP/1.1${HOST}`), parse)), 'idle')
  t.equal(verdict(inAllPieces(octetsOf(`PATCH /123 HTTP/1.1${HOST}`), parse)), 'HTTP1_ERR_METHOD_TOO_LONG')
  t.equal(verdict(inAllPieces(octetsOf(`POST /12345 HTTP/1.1${HOST}`), parse)), 'HTTP1_ERR_TARGET_TOO_LONG')
  t.equal(verdict(inAllPieces(octetsOf(`POST /12345\0`), parse)), 'HTTP1_ERR_TARGET_TOO_LONG')
  t.equal(verdict(inAllPieces(octetsOf(`\r\nPOST / HTTP/1.1${HOST}`), parse)), 'HTTP1_ERR_EMPTY_LINES')
})

await t.test('a line is refused as soon as it is wrong, not when it ends', async t => {
  t.equal(verdict(parseRequests(octetsOf('G\x01'))), 'HTTP1_ERR_METHOD')
  t.equal(verdict(parseRequests(octetsOf('GET /#'))), 'HTTP1_ERR_TARGET_FRAGMENT')
  t.equal(verdict(parseRequests(octetsOf('GET / HTTQ'))), 'HTTP1_ERR_VERSION')
  t.equal(verdict(parseRequests(octetsOf(`GET /${'x'.repeat(8192)}`))), 'HTTP1_ERR_TARGET_TOO_LONG')
})
