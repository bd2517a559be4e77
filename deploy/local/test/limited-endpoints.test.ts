import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { LIMITED_ENDPOINTS } from '../src/limited-endpoints.ts'

const readme = readFileSync(path.resolve(import.meta.dirname, '../../../apps/api/README.md'), 'utf8')
const routes = [...readme.matchAll(/^\| `[A-Z]+ (\/[^`]*)`/gm)].map(([, route = '']) => route)

/** The segments that a pattern and a route have in common, `*` being any; -1 when the pattern doesn't name the route. */
function named(pattern: string, route: string): number {
  const [wanted, given] = [pattern, route].map(one => one.split('/').filter(name => name !== '')) as [
    string[],
    string[],
  ]
  return wanted.every((name, i) => (name === '*' ? i < given.length : name === given[i])) ? wanted.length : -1
}

await t.test(
  'every public route of the API counts under an endpoint of its own, and none is left that has no route',
  async t => {
    t.ok(routes.length > 20, `${routes.length} routes in the README`)
    const used = new Set<string>()
    for (const route of routes) {
      const [longest = ''] = LIMITED_ENDPOINTS.toSorted((a, b) => named(b, route) - named(a, route))
      used.add(longest)
      // Not public: the balancer's clients get 404.
      if (route !== '/metrics') t.not(longest, '/', `${route} is named`)
    }
    // A page, not in the table.
    used.add('/documentation')
    t.same([...used].toSorted(), LIMITED_ENDPOINTS.toSorted())
  },
)
