import { RequestParser } from '@plimsoll/http1'
import fc from 'fast-check'
import t from 'tap'
import { limitedEndpointIssues, LimitedEndpoints } from '../../src/admission/limited-endpoints.ts'

function endpointOf(patterns: readonly string[], target: string, method = 'GET'): string | null {
  let refused = false
  const onRefusal = () => void (refused = true)
  const parser = new RequestParser({ onHead() {}, onBody() {}, onTrailers() {}, onEnd() {}, onRefusal })
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`, 'latin1')
  parser.execute(bytes, 0, bytes.length)
  if (refused) throw new Error(`${target} can't be asked for`)
  return new LimitedEndpoints(patterns).of(parser.head, parser.head.targetString())
}

const API = ['/courses', '/courses/*', '/courses/*/lessons', '/courses/new/*', '/Blogs/', '/a.b~c']

await t.test('the longest pattern counts, segment by segment, and the query does not', t => {
  for (const [target, expected] of [
    ['/courses', '/courses'],
    ['/courses/', '/courses'],
    ['/courses?a=/b', '/courses'],
    ['/courses/7', '/courses/*'],
    ['/courses/7/', '/courses/*'],
    ['/courses/7/reviews/1', '/courses/*'],
    ['/courses/7/lessons', '/courses/*/lessons'],
    ['/courses/7/lessons/3?x', '/courses/*/lessons'],
    ['/courses/new', '/courses/*'],
    ['/courses/new/lessons', '/courses/new/*'],
    ['/courses/new/x', '/courses/new/*'],
    ['/blogs/1', '/Blogs/'],
    ['/a.b~c', '/a.b~c'],
    ['http://a.test/courses/7', '/courses/*'],
    ['/courseses', null],
    ['/x/courses', null],
    ['/', null],
    ['http://a.test', null],
  ] as const)
    t.equal(endpointOf(API, target), expected, target)
  t.end()
})

await t.test('a lone slash takes what no other names, and no pattern takes nothing', t => {
  for (const target of ['/', '/x', '//', '/courseses', 'http://a.test', '/?x']) {
    t.equal(endpointOf([...API, '/'], target), '/', target)
    t.equal(endpointOf([], target), null, target)
  }
  t.equal(endpointOf([...API, '/'], '/courses'), '/courses')
  t.equal(endpointOf(['/'], '*', 'OPTIONS'), null, 'the server as a whole is no path')
  t.end()
})

await t.test('a path counts alike however it is written', t => {
  for (const target of [
    '/COURSES/7/Lessons',
    '/%63ourses/7/lessons',
    '/%43OURSES/7/lessons',
    '//courses///7/lessons',
    '/./courses/7/./lessons/.',
    '/x/../courses/7/lessons',
    '/../../courses/7/lessons',
    '/courses/7/x/%2e%2E/lessons',
    '/courses;a=1/7;b/lessons;c?d',
  ])
    t.equal(endpointOf(API, target), '/courses/*/lessons', target)
  for (const [target, expected] of [
    ['/courses%2F7', null],
    ['/courses/7%2Flessons', '/courses/*'],
    ['/courses/%2563', '/courses/*'],
    ['/courses%3Bx', null],
    ['/courses%00', null],
  ] as const)
    t.equal(endpointOf(API, target), expected, target)
  t.end()
})

await t.test('whatever is asked for, the answer is one of the patterns or null', t => {
  const piece = fc.constantFrom(
    '/',
    '//',
    '..',
    '.',
    'courses',
    'new',
    'lessons',
    '%2e',
    '%2F',
    '%5c',
    '*',
    ';',
    'X',
    '7',
    '?',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      const target = `/${pieces.join('')}`
      const found = endpointOf(API, target)
      return found === null || API.includes(found)
    }),
    { numRuns: 500 },
  )
  t.end()
})

await t.test('what is no pattern is refused by name', t => {
  t.same(limitedEndpointIssues(['/', ...API, '/*/x', "/~a,1=2'(:@&+$!"]), [])
  for (const wrong of [
    '',
    'courses',
    '/a b',
    '/a?b',
    '/a#b',
    '/a%20',
    '/a;b',
    '/a\\b',
    '/ä',
    '//a',
    '/a//b',
    '/a/.',
    '/..',
    '/a*',
    '*',
  ])
    t.match(limitedEndpointIssues(['/fine', wrong]), [new RegExp(`^"${RegExp.escape(wrong)}"`)], wrong)
  t.match(limitedEndpointIssues(['/a', '/b', '/A/']), [/"\/a" and "\/A\/" are the same/])
  const many = Array.from({ length: 257 }, (_, i) => `/p${i}`)
  t.match(limitedEndpointIssues(many), [/257 patterns/])
  t.same(limitedEndpointIssues(many.slice(1)), [])
  t.end()
})
