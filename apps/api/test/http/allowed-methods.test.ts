import t from 'tap'
import { AllowedMethods } from '../../src/http/allowed-methods.ts'

const allowed = new AllowedMethods()
allowed.add('GET', '/')
allowed.add('GET', '/things')
allowed.add('POST', '/things')
allowed.add('GET', '/things/:id')
allowed.add('PUT', '/things/:id')
allowed.add('DELETE', '/things/:id/parts')
allowed.add('GET', '/files/*')
allowed.add('GET', '/a.b+c')
allowed.add('OPTIONS', '*')

await t.test('a path has the methods of every route that it fits, whatever its query', t => {
  for (const [target, methods] of [
    ['/', ['GET']],
    ['/things', ['GET', 'POST']],
    ['/things?x=/things/1', ['GET', 'POST']],
    ['/things#x', ['GET', 'POST']],
    ['http://x/things', ['GET', 'POST']],
    ['HTTPS://x:1?x', []],
    ['/th%69ngs', ['GET', 'POST']],
    ['/things/1', ['GET', 'PUT']],
    ['/things/', ['GET', 'PUT']],
    ['/things/a%2Fb', ['GET', 'PUT']],
    ['/things/1/parts', ['DELETE']],
    ['/files/a/b/c', ['GET']],
    ['/a.b+c', ['GET']],
  ] as const)
    t.same(allowed.of(target), methods, target)
  t.end()
})

await t.test('what fits none has none', t => {
  const targets = [
    '',
    '*',
    '/THINGS',
    '//things',
    '/things/1/2',
    '/things/1/parts/',
    '/a-b+c',
    '/aXb+c',
    '/%',
    '/x',
    'x',
  ]
  for (const target of targets) t.same(allowed.of(target), [], target)
  t.same(new AllowedMethods().of('/'), [])
  t.end()
})
