import { METHOD, RequestParser } from '@plimsoll/http1'
import t from 'tap'
import { databaseFreeIssues, DatabaseFreePaths } from '../../src/reports/database-free.ts'

function needs(prefixes: readonly string[], target: string): boolean {
  const parser = new RequestParser({ onHead() {}, onBody() {}, onTrailers() {}, onEnd() {}, onRefusal() {} })
  const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`, 'latin1')
  parser.execute(bytes, 0, bytes.length)
  t.equal(parser.head.method, METHOD.GET)
  return new DatabaseFreePaths(prefixes).needsDatabase(parser.head)
}

await t.test('a prefix ends where a segment ends, and the query does not count', t => {
  for (const target of [
    '/static',
    '/static/',
    '/static/a/b.js',
    '/static?x=/',
    '/static/?x',
    '/health',
    'http://b/static/a',
  ])
    t.notOk(needs(['/health', '/static'], target), target)
  for (const target of ['/', '/statics', '/stati', '/a/static', '/?/static', '/STATIC', '/%73tatic', 'http://static/x'])
    t.ok(needs(['/health', '/static/'], target), target)
  t.end()
})

await t.test('without prefixes nothing is told apart, and a lone slash stands for every path', t => {
  t.notOk(needs([], '/courses'))
  for (const target of ['/', '/courses', 'http://b', '/?x']) t.notOk(needs(['/'], target), target)
  t.end()
})

await t.test('what is no prefix of a path is refused by name', t => {
  t.same(databaseFreeIssues(['/', '/a/b.c', "/~a;x=1,2'(", '/%20']), [])
  for (const wrong of ['', 'static', '/a b', '/a?b', '/a#b', '/ä', '*'])
    t.match(databaseFreeIssues(['/fine', wrong]), [new RegExp(`^"${RegExp.escape(wrong)}"`)], wrong)
  t.end()
})
