import t from 'tap'
import { compareWithDocument, measuredRoutes, MIXED } from '../../src/api/routes.ts'

const FACTS = {
  courses: [1, 2, 3, 4, 5, 6, 7, 8],
  categories: ['languages', 'business'],
  activeUsers: [11, 12, 13],
  newUsers: [],
  blogs: [21, 22, 23, 24],
  tags: ['tools', 'history', 'c++'],
  authors: [31],
}

await t.test('no path is asked for twice in a pass, and there are no more than were wanted', async t => {
  for (const keys of [1, 6, 1000]) {
    for (const { name, asks } of measuredRoutes(FACTS, keys).filter(({ name }) => name !== MIXED)) {
      const paths = asks.map(({ path }) => path)
      t.equal(new Set(paths).size, paths.length, name)
      t.ok(paths.length >= 1 && paths.length <= keys, `${name}: ${paths.length}`)
    }
  }
})

await t.test('all cached routes in turn: as many of each', async t => {
  const routes = measuredRoutes(FACTS, 1000)
  const mixed = routes.find(({ name }) => name === MIXED)
  const cached = routes.filter(({ conditions, name }) => conditions.includes('cold') && name !== MIXED)
  t.equal(mixed?.asks.length, cached.length * 3)
  t.same(
    mixed?.asks.slice(0, cached.length).map(({ path }) => path),
    cached.map(({ asks }) => asks[0]?.path),
  )
})

await t.test('words are put into paths as they have to be', async t => {
  const blogs = measuredRoutes(FACTS, 1000).find(({ name }) => name === '/api/blogs')
  t.ok(blogs?.asks.some(({ path }) => path.endsWith('&tag=c%2B%2B')))
})

await t.test('a route that nobody measures is found, and one that is gone', async t => {
  const routes = measuredRoutes(FACTS, 2)
  const documented = routes.map(({ name }) => name).filter(name => name !== MIXED)
  t.same(compareWithDocument(routes, documented), { unmeasured: [], gone: [] })
  const changed = [...documented.filter(name => name !== '/api/blogs/{id}'), '/api/pitches']
  t.same(compareWithDocument(routes, changed), { unmeasured: ['/api/pitches'], gone: ['/api/blogs/{id}'] })
})
