import { DEFAULT_LIMITS, METHOD, ResponseParser, type MessageHead } from '@plimsoll/http1'
import t from 'tap'
import { checkRequestIssues, Expectation, type CheckRequestOptions } from '../../src/health/expectation.ts'

const NONE = { expectStatus: '200-399', expectHeader: '', expectBody: '' }
const OPTIONS: CheckRequestOptions = { path: '/ready', method: 'GET', host: '', reuseConnection: true, ...NONE }

/** What an expectation says of this head. */
function judge(expectation: Expectation, head: string): string | null | undefined {
  let verdict: string | null | undefined
  const ignore = () => {}
  const parser = new ResponseParser(
    {
      onHead: (parsed: MessageHead) => (verdict = expectation.judgeHead(parsed)),
      onBody: ignore,
      onTrailers: ignore,
      onEnd: ignore,
      onRefusal: refusal => t.fail(refusal.message),
    },
    DEFAULT_LIMITS,
  )
  parser.expect(METHOD.HEAD)
  const bytes = Buffer.from(`HTTP/1.1 ${head}\r\n\r\n`, 'latin1')
  parser.execute(bytes, 0, bytes.length)
  return verdict
}

await t.test('statuses are one, a range, or several', t => {
  for (const [expectStatus, passing, failing] of [
    ['200-399', [200, 204, 399], [400, 503]],
    ['200', [200], [201, 299]],
    [' 200 , 204,300 - 302 ', [200, 204, 300, 301, 302], [201, 303, 500]],
    ['503', [503], [200]],
  ] as const) {
    const expectation = new Expectation({ ...NONE, expectStatus })
    for (const status of passing) t.equal(judge(expectation, `${status} x`), null, `${status} of ${expectStatus}`)
    for (const status of failing)
      t.equal(judge(expectation, `${status} x`), `answered ${status}, expected ${expectStatus}`)
  }
  t.end()
})

await t.test('a field has to be there and contain the text, in whichever of its lines', t => {
  const contains = new Expectation({ ...NONE, expectHeader: 'X-Ready: yes' })
  t.equal(judge(contains, '200 OK\r\nx-ready: oh yes!'), null)
  t.equal(judge(contains, '200 OK\r\nX-READY: no\r\nx-ready: yes'), null)
  t.equal(judge(contains, '200 OK\r\nx-ready: YES'), 'answered with a field X-Ready that does not contain "yes"')
  t.equal(judge(contains, '200 OK\r\nx-steady: yes'), 'answered without the field X-Ready')
  const present = new Expectation({ ...NONE, expectHeader: 'server:' })
  t.equal(judge(present, '200 OK\r\nServer:'), null)
  t.equal(judge(present, '200 OK'), 'answered without the field server')
  t.end()
})

await t.test('a body has to contain the text, byte by byte', t => {
  const expectation = new Expectation({ ...NONE, expectBody: 'straße' })
  t.ok(expectation.readsBody)
  t.equal(expectation.judgeBody(Buffer.from('… straße …')), null)
  t.equal(expectation.judgeBody(Buffer.from('STRASSE')), 'answered with a body that does not contain "straße"')
  t.notOk(new Expectation(NONE).readsBody)
  t.end()
})

await t.test('what does not parse or contradicts itself is said in a sentence that names the option', t => {
  t.same(checkRequestIssues(OPTIONS), [])
  t.same(checkRequestIssues({ ...OPTIONS, path: '', expectStatus: '200' }), [])
  for (const [given, sentence] of [
    [{ expectStatus: '' }, /^expectStatus "": "" is neither a status nor a range/],
    [{ expectStatus: '2xx' }, /^expectStatus "2xx": "2xx" is neither/],
    [{ expectStatus: '200,' }, /"" is neither/],
    [{ expectStatus: '200-' }, /"200-" is neither/],
    [{ expectStatus: '100-200' }, /from 200 to 599/],
    [{ expectStatus: '600' }, /from 200 to 599/],
    [{ expectStatus: '300-200' }, /"300-200" runs backwards/],
    [{ expectHeader: 'x-ready' }, /^expectHeader "x-ready": needs a field's name and the text/],
    [{ expectHeader: 'x ready: yes' }, /^expectHeader/],
    [{ expectHeader: 'x-ready: a\r\nb' }, /^expectHeader/],
    [{ path: 'ready' }, /^path "ready": starts with \//],
    [{ path: '/a b' }, /^path/],
    [{ path: '/a\r\nHost: b' }, /^path/],
    [{ path: '/a#b' }, /^path/],
    [{ host: 'a b' }, /^host "a b": is a name or an address/],
    [{ host: 'a\r\nb: c' }, /^host/],
    [{ host: 'a:b' }, /^host/],
    [{ path: '', expectBody: 'x' }, /^expectBody and path: without a path/],
    [{ path: '', expectHeader: 'x: y' }, /^expectHeader and path/],
    [{ path: '', host: 'a' }, /^host and path/],
    [{ method: 'HEAD', expectBody: 'x' }, /^expectBody and method: the answer to HEAD has no body/],
  ] as const) {
    const issues = checkRequestIssues({ ...OPTIONS, ...given })
    t.equal(issues.length, 1, JSON.stringify(given))
    t.match(issues[0], sentence)
  }
  for (const host of ['api.internal', 'api.internal:8080', '[::1]:80', '10.0.0.1']) {
    t.same(checkRequestIssues({ ...OPTIONS, host }), [], host)
  }
  for (const path of ['/', '/health/ready?full=1&x=%20', "/a-b._~!$&'()*+,;=:@"]) {
    t.same(checkRequestIssues({ ...OPTIONS, path }), [], path)
  }
  t.end()
})
