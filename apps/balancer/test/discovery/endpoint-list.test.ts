import t from 'tap'
import { isSameList, joinLists, resolvedEndpoint } from '../../src/discovery/endpoint-list.ts'

const one = resolvedEndpoint('10.0.0.1', 80, 'a.test:80', 1)
const two = resolvedEndpoint('fd00::2', 80, 'a.test:80', 1)

await t.test('an address becomes an endpoint whose id is its URL, and whose authority is the name', t => {
  t.same(two, {
    id: 'http://[fd00::2]:80',
    url: 'http://[fd00::2]:80',
    address: { kind: 'tcp', host: 'fd00::2', port: 80, authority: 'a.test:80' },
    weight: 1,
    administrative: 'ready',
  })
  t.end()
})

await t.test('lists join in their order, and of two with one id the first stays', t => {
  const heavier = { ...one, weight: 7 }
  t.same(joinLists([[one], [], [two, heavier]]), [one, two])
  t.same(joinLists([[heavier], [one, two]]), [heavier, two])
  t.same(joinLists([]), [])
  t.end()
})

await t.test('lists are the same when all that is said of each endpoint is', t => {
  t.ok(isSameList([one, two], [{ ...one }, { ...two }]))
  t.notOk(isSameList([one], [one, two]))
  t.notOk(isSameList([one, two], [one]))
  t.notOk(isSameList([one, two], [two, one]))
  for (const other of [
    { ...one, id: 'x' },
    { ...one, url: 'http://10.0.0.1:81' },
    { ...one, weight: 2 },
    { ...one, administrative: 'draining' as const },
    resolvedEndpoint('10.0.0.1', 80, 'b.test:80', 1),
  ]) {
    t.notOk(isSameList([one], [other]))
  }
  t.end()
})
